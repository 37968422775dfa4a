/**
 * Writes protobuf's wire format without a schema. One writer is used again and again: {@link finish} gives a view that holds until the next
 * message begins.
 */
export class ProtoWriter {
  #buffer: Buffer = Buffer.allocUnsafe(4_096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  begin(): this {
    this.#length = 0;
    return this;
  }

  finish(): Uint8Array {
    const written = this.#buffer.subarray(0, this.#length);
    // A very large message does not stay allocated.
    if (this.#buffer.length > 1 << 20) this.#buffer = Buffer.allocUnsafe(4_096);
    return written;
  }

  /** An int64 or uint64 within 2^53; 0 is the default and not written. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#tag(field, 0);
    this.varint(value);
  }

  /** Also when it is 0, as a member of a oneof. */
  explicitNumber(field: number, value: number): void {
    this.#tag(field, 0);
    this.varint(value);
  }

  bigint(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#tag(field, 0);
    this.#varint64(value);
  }

  bool(field: number, value: boolean): void {
    if (!value) return;
    this.#tag(field, 0);
    this.#reserve(1);
    this.#buffer[this.#length++] = 1;
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#tag(field, 2);
    this.varint(value.length);
    this.raw(value);
  }

  /** A string each of whose characters is one byte. */
  byteString(field: number, value: string): void {
    if (value.length === 0) return;
    this.#tag(field, 2);
    this.varint(value.length);
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  text(field: number, value: string): void {
    if (value !== '') this.bytes(field, Buffer.from(value, 'utf8'));
  }

  /** A message within this one; also an empty one is written. Returns what {@link close} wants. */
  open(field: number): number {
    this.#tag(field, 2);
    this.#reserve(1);
    return ++this.#length;
  }

  close(start: number): void {
    const size = this.#length - start;
    let lengthBytes = 1;
    for (let rest = size; rest >= 0x80; rest >>>= 7) lengthBytes++;
    if (lengthBytes > 1) {
      this.#reserve(lengthBytes - 1);
      this.#buffer.copyWithin(start + lengthBytes - 1, start, this.#length);
    }
    this.#length = start - 1;
    this.varint(size);
    this.#length = start + lengthBytes - 1 + size;
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  varint(value: number): void {
    this.#reserve(10);
    if (value < 0) {
      this.#varint64(BigInt(value));
      return;
    }
    while (value >= 0x80) {
      this.#buffer[this.#length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#buffer[this.#length++] = value;
  }

  #varint64(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  #tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, needed));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
