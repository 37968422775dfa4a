/** Reads protobuf's wire format without a schema, for codecs written by hand where reflection costs too much. */
import { GrpcError, grpcStatus } from './status.ts';

export class ProtoReader {
  #bytes: Buffer;
  #position = 0;
  #end = 0;
  /** Of the field that {@link next} found. */
  field = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
    this.#end = bytes.length;
  }

  /** Goes to the next field. The one before must have been read or skipped. */
  next(): boolean {
    if (this.#position === this.#end) return false;
    const tag = this.uint32();
    this.field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.field === 0) malformed('field number 0');
    return true;
  }

  /** The field carries a length: bytes, a message, or packed numbers. */
  get isBytes(): boolean {
    return this.#wireType === 2;
  }

  /** A whole number up to 2^32 - 1; of a longer one, the lower bits. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 35) value |= shift < 28 ? (byte & 0x7f) << shift : (byte & 0x0f) << 28;
      if (byte < 0x80) return value >>> 0;
    }
    return malformed('a number of more than ten bytes');
  }

  bool(): boolean {
    return this.number() !== 0;
  }

  /** An int64 as a number: exact up to 2^53, and beyond in the right order of magnitude. */
  number(): number {
    const first = this.#bytes[this.#position];
    if (first !== undefined && first < 0x80 && this.#position < this.#end) {
      this.#position++;
      return first;
    }
    let value = 0;
    for (let shift = 1, position = this.#position; position < this.#end; shift *= 0x80) {
      const byte = this.#bytes[position++]!;
      value += (byte & 0x7f) * shift;
      if (byte >= 0x80) {
        // Large, or negative.
        if (shift >= 2 ** 42) break;
        continue;
      }
      this.#position = position;
      return value;
    }
    return Number(BigInt.asIntN(64, this.#int64()));
  }

  /** An int64. */
  bigint(): bigint {
    return this.#int64();
  }

  #int64(): bigint {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= (bits & 0x0f) << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) return (BigInt(high) << 32n) | BigInt(low >>> 0);
    }
    return malformed('a number of more than ten bytes');
  }

  /** A view of the message, not a copy. */
  bytes(): Buffer {
    const start = this.#length();
    return this.#bytes.subarray(start, this.#position);
  }

  /** Each byte as one character. */
  byteString(): string {
    const start = this.#length();
    return this.#bytes.toString('latin1', start, this.#position);
  }

  /** Reads a message within this one. */
  message<T>(read: (reader: ProtoReader) => T): T {
    const start = this.#length();
    const outerEnd = this.#end;
    const outerPosition = this.#position;
    this.#end = this.#position;
    this.#position = start;
    const result = read(this);
    this.#end = outerEnd;
    this.#position = outerPosition;
    return result;
  }

  skip(): void {
    switch (this.#wireType) {
      case 0:
        this.#int64();
        break;
      case 1:
        this.#take(8);
        break;
      case 2:
        this.#length();
        break;
      case 5:
        this.#take(4);
        break;
      default:
        malformed(`wire type ${this.#wireType}`);
    }
  }

  /** Returns where the bytes begin; they end at the position. */
  #length(): number {
    if (this.#wireType !== 2) malformed(`field ${this.field} has wire type ${this.#wireType}`);
    const length = this.uint32();
    return this.#take(length);
  }

  #take(size: number): number {
    const start = this.#position;
    if (size > this.#end - start) malformed(`${size} bytes wanted, ${this.#end - start} left`);
    this.#position += size;
    return start;
  }

  #byte(): number {
    if (this.#position >= this.#end) malformed('it ends in the middle of a number');
    return this.#bytes[this.#position++]!;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(what: string): never {
  throw new GrpcError(grpcStatus.internal, `the request is not the protobuf message that this method takes: ${what}`);
}
