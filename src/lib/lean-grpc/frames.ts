/**
 * HTTP/2 frames (RFC 9113), outgoing ones collected in one buffer per turn of the event loop.
 *
 *   frame = length (3 bytes) type flags stream (4 bytes) payload
 */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const errorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxHeaderListSize: 6,
} as const;

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const frameHeaderBytes = 9;
/** HTTP/2's default, which we neither raise nor use more of. */
export const maxFrameBytes = 16_384;
export const defaultWindowBytes = 65_535;
export const maxWindowBytes = 2 ** 31 - 1;
/** A flag and the length, before every gRPC message. */
export const messagePrefixBytes = 5;

const initialBytes = 1_024;

export class FrameWriter {
  #buffer: Buffer = Buffer.allocUnsafe(initialBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written, which is the caller's from now on. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    // Small answers of a few calls share a buffer of Node's pool; the rest of a large one goes on being used.
    const rest = this.#buffer.length - this.#length;
    this.#buffer = rest >= initialBytes ? this.#buffer.subarray(this.#length) : Buffer.allocUnsafe(initialBytes);
    this.#length = 0;
    return taken;
  }

  headers(stream: number, block: Buffer, endStream: boolean): void {
    this.#header(block.length, frameType.headers, flag.endHeaders | (endStream ? flag.endStream : 0), stream);
    this.#bytes(block);
  }

  /** A whole message in one frame: prefix and message together at most {@link maxFrameBytes}. */
  message(stream: number, message: Uint8Array): void {
    this.#header(messagePrefixBytes + message.length, frameType.data, 0, stream);
    const buffer = this.#buffer;
    buffer[this.#length] = 0;
    writeUint32(buffer, this.#length + 1, message.length);
    this.#length += messagePrefixBytes;
    this.#bytes(message);
  }

  data(stream: number, bytes: Uint8Array): void {
    this.#header(bytes.length, frameType.data, 0, stream);
    this.#bytes(bytes);
  }

  windowUpdate(stream: number, increment: number): void {
    this.#header(4, frameType.windowUpdate, 0, stream);
    this.#uint32(increment);
  }

  reset(stream: number, code: number): void {
    this.#header(4, frameType.reset, 0, stream);
    this.#uint32(code);
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    this.#header(values.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of values) {
      this.#buffer.writeUInt16BE(id, this.#length);
      this.#length += 2;
      this.#uint32(value);
    }
  }

  settingsAck(): void {
    this.#header(0, frameType.settings, flag.ack, 0);
  }

  ping(payload: Uint8Array, ack: boolean): void {
    this.#header(8, frameType.ping, ack ? flag.ack : 0, 0);
    this.#bytes(payload);
  }

  goAway(lastStream: number, code: number, reason: string): void {
    const text = Buffer.from(reason, 'latin1');
    this.#header(8 + text.length, frameType.goAway, 0, 0);
    this.#uint32(lastStream);
    this.#uint32(code);
    this.#bytes(text);
  }

  /** Makes room for the whole frame. */
  #header(length: number, type: number, flags: number, stream: number): void {
    this.#reserve(frameHeaderBytes + length);
    const buffer = this.#buffer;
    let position = this.#length;
    buffer[position++] = length >>> 16;
    buffer[position++] = length >>> 8;
    buffer[position++] = length;
    buffer[position++] = type;
    buffer[position++] = flags;
    writeUint32(buffer, position, stream);
    this.#length = position + 4;
  }

  #uint32(value: number): void {
    writeUint32(this.#buffer, this.#length, value);
    this.#length += 4;
  }

  #bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, needed));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

function writeUint32(buffer: Uint8Array, position: number, value: number): void {
  buffer[position] = value >>> 24;
  buffer[position + 1] = value >>> 16;
  buffer[position + 2] = value >>> 8;
  buffer[position + 3] = value;
}
