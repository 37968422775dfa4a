/**
 * Writes protobuf from its end to its start, so that the length of a message is known when the time comes to write it: one pass, one buffer.
 * Whoever writes a field therefore writes its value first and its tag last, and the fields of a message from the highest to the lowest.
 */

const initialBytes = 64 * 1024;
/** A buffer that grew beyond this is not kept for the next message. */
const keptBytes = 1024 * 1024;
/** Strings up to this length are copied character by character as long as they are ASCII; a call of `Buffer` costs more. */
const shortString = 48;

export class ReverseWriter {
  #buffer = Buffer.allocUnsafeSlow(initialBytes);
  #start = initialBytes;

  /** Where the next byte goes before; the difference of two marks is a length. */
  mark(): number {
    return this.#buffer.length - this.#start;
  }

  /** A copy of everything written since the last `finish`. */
  finish(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(this.#start));
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#start = this.#buffer.length;
    return bytes;
  }

  /** After a failure: what was written so far is forgotten. */
  reset(): void {
    this.#start = this.#buffer.length;
  }

  #reserve(bytes: number): number {
    if (this.#start < bytes) this.#grow(bytes);
    this.#start -= bytes;
    return this.#start;
  }

  #grow(bytes: number): void {
    const written = this.#buffer.length - this.#start;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, written + bytes));
    this.#buffer.copy(grown, grown.length - written, this.#start);
    this.#start = grown.length - written;
    this.#buffer = grown;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  /** Of a whole number that a double holds exactly; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) this.byte(value);
    else if (value >= 0 && value <= 0x7fffffff) this.#smallVarint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  #smallVarint(value: number): void {
    const size = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    let at = this.#reserve(size);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[at] = rest;
  }

  #bigVarint(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    let at = this.#reserve(bytes.length);
    for (const byte of bytes) this.#buffer[at++] = byte;
  }

  /** The text in UTF-8, behind its length. */
  string(text: string): void {
    const { length } = text;
    if (length <= shortString && this.#ascii(text, length)) {
      this.varint(length);
      return;
    }
    const bytes = Buffer.byteLength(text);
    const at = this.#reserve(bytes);
    if (bytes === length) this.#buffer.write(text, at, bytes, 'latin1');
    else this.#buffer.write(text, at, bytes, 'utf8');
    this.varint(bytes);
  }

  /** False, with nothing written, for text that is not ASCII. */
  #ascii(text: string, length: number): boolean {
    const at = this.#reserve(length);
    const buffer = this.#buffer;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#start += length;
        return false;
      }
      buffer[at + index] = code;
    }
    return true;
  }

  /** Behind their length. */
  bytes(bytes: Uint8Array): void {
    this.raw(bytes);
    this.varint(bytes.length);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  /** Ends (that is: begins) a message of everything since `mark`. */
  length(mark: number): void {
    this.varint(this.mark() - mark);
  }
}
