/**
 * Reading and writing the store's binary formats. Numbers are unsigned LEB128 varints up to 2^53 - 1 in their shortest form; strings
 * (keys) and byte strings carry their length before them.
 */
import { StoreError } from './types.ts';

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHint);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new StoreError('invalid', `${value} is not a whole number from 0 to 2^53 - 1`);
    this.#reserve(8);
    while (value >= 0x80) {
      this.#buffer[this.#length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#buffer[this.#length++] = value;
  }

  /** A string whose code units are bytes. */
  string(value: string): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  int64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new StoreError('invalid', `${value} does not fit 64 bits`);
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Throws StoreError `invalid` for anything that {@link ByteWriter} would not have written. */
export class ByteReader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position === this.#buffer.length;
  }

  byte(): number {
    return this.#buffer[this.#take(1)]!;
  }

  number(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (value > Number.MAX_SAFE_INTEGER) this.fail('a number above 2^53 - 1');
      if (byte < 0x80) {
        if (byte === 0 && factor > 1) this.fail('a number in a longer form than needed');
        return value;
      }
      factor *= 0x80;
    }
  }

  /** A number of items that follow, each of at least one byte. */
  count(limit: number): number {
    const count = this.number();
    if (count > limit || count > this.#buffer.length - this.#position) this.fail(`a count of ${count}`);
    return count;
  }

  string(): string {
    const length = this.number();
    const start = this.#take(length);
    return this.#buffer.toString('latin1', start, start + length);
  }

  /** A copy in memory of its own: what is kept must not keep the whole message alive. */
  bytes(): Uint8Array {
    const length = this.number();
    const start = this.#take(length);
    const copy = Buffer.allocUnsafeSlow(length);
    this.#buffer.copy(copy, 0, start, start + length);
    return copy;
  }

  /** Like {@link bytes}, but a part of what is read. */
  view(): Uint8Array {
    const length = this.number();
    const start = this.#take(length);
    return this.#buffer.subarray(start, start + length);
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8));
  }

  fail(what: string): never {
    throw new StoreError('invalid', `malformed bytes at position ${this.#position}: ${what}`);
  }

  #take(length: number): number {
    const start = this.#position;
    if (length > this.#buffer.length - start) this.fail(`${length} bytes wanted, ${this.#buffer.length - start} left`);
    this.#position += length;
    return start;
  }
}
