/**
 * SPDY/3.1 frames on the wire (SPDY Protocol Draft 3.1, section 2.2), without their meaning.
 *
 *   control: 1 version(15)=3 type(16) flags(8) length(24) payload
 *   data:    0 streamId(31)           flags(8) length(24) payload
 *
 * A data frame is handed on as its bytes arrive, in as many pieces as the network made of it, so that its 24-bit length never
 * decides how much is buffered.
 */
import { HeaderCompressor, HeaderDecompressor, maxHeaderBlockBytes, type SpdyHeaders } from './header-block.ts';

export type Frame =
  | { type: 'syn-stream'; streamId: number; headers: Record<string, string>; fin: boolean; unidirectional: boolean }
  | { type: 'syn-reply'; streamId: number; headers: Record<string, string>; fin: boolean }
  | { type: 'headers'; streamId: number; headers: Record<string, string>; fin: boolean }
  | { type: 'data'; streamId: number; data: Buffer; fin: boolean }
  | { type: 'rst-stream'; streamId: number; status: number }
  | { type: 'settings'; initialWindowBytes: number | undefined }
  | { type: 'ping'; id: number }
  | { type: 'goaway'; lastStreamId: number; status: number }
  | { type: 'window-update'; streamId: number; deltaBytes: number };

/** RST_STREAM status codes (section 2.6.3). */
export const resetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
  streamInUse: 8,
  streamAlreadyClosed: 9,
} as const;

const controlTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

const version = 3;
const headerBytes = 8;
const finFlag = 1;
const unidirectionalFlag = 2;
const initialWindowSettingId = 7;
/** Compressed headers are not larger than plain ones by more than a few bytes. */
const maxControlBytes = maxHeaderBlockBytes + 1024;

interface OpenDataFrame {
  readonly streamId: number;
  readonly fin: boolean;
  remainingBytes: number;
}

/** @throws Error from `push` when the peer breaks the protocol; the session is then beyond repair. */
export class FrameReader {
  readonly #decompressor = new HeaderDecompressor();
  #buffer: Buffer = Buffer.alloc(0);
  /** A data frame whose payload has not arrived in full. */
  #data: OpenDataFrame | undefined;

  push(chunk: Buffer): Frame[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#next();
      if (frame === undefined) return frames;
      if (frame !== 'skip') frames.push(frame);
    }
  }

  #next(): Frame | 'skip' | undefined {
    if (this.#data) return this.#nextDataPiece(this.#data);
    if (this.#buffer.length < headerBytes) return undefined;
    const first = this.#buffer.readUInt32BE(0);
    const flags = this.#buffer[4]!;
    const length = this.#buffer.readUIntBE(5, 3);
    if (first < 0x8000_0000) {
      this.#buffer = this.#buffer.subarray(headerBytes);
      this.#data = { streamId: first, fin: (flags & finFlag) !== 0, remainingBytes: length };
      return this.#nextDataPiece(this.#data);
    }
    if (length > maxControlBytes)
      throw new Error(`SPDY control frame of ${length} bytes: more than ${maxControlBytes}`);
    if (this.#buffer.length < headerBytes + length) return undefined;
    const payload = this.#buffer.subarray(headerBytes, headerBytes + length);
    this.#buffer = this.#buffer.subarray(headerBytes + length);
    const frameVersion = (first >>> 16) & 0x7fff;
    if (frameVersion !== version) throw new Error(`SPDY version ${frameVersion}: only ${version} is spoken here`);
    return this.#control(first & 0xffff, flags, payload);
  }

  #nextDataPiece(open: OpenDataFrame): Frame | undefined {
    const data = this.#buffer.subarray(0, open.remainingBytes);
    if (data.length === 0 && open.remainingBytes > 0) return undefined;
    this.#buffer = this.#buffer.subarray(data.length);
    open.remainingBytes -= data.length;
    const last = open.remainingBytes === 0;
    if (last) this.#data = undefined;
    return { type: 'data', streamId: open.streamId, data, fin: last && open.fin };
  }

  #control(type: number, flags: number, payload: Buffer): Frame | 'skip' {
    const fin = (flags & finFlag) !== 0;
    const uint31 = (offset: number) => payload.readUInt32BE(offset) & 0x7fff_ffff;
    switch (type) {
      case controlTypes.synStream:
        return {
          type: 'syn-stream',
          streamId: uint31(0),
          headers: this.#decompressor.decompress(payload.subarray(10)),
          fin,
          unidirectional: (flags & unidirectionalFlag) !== 0,
        };
      case controlTypes.synReply:
        return {
          type: 'syn-reply',
          streamId: uint31(0),
          headers: this.#decompressor.decompress(payload.subarray(4)),
          fin,
        };
      case controlTypes.headers:
        return {
          type: 'headers',
          streamId: uint31(0),
          headers: this.#decompressor.decompress(payload.subarray(4)),
          fin,
        };
      case controlTypes.rstStream:
        return { type: 'rst-stream', streamId: uint31(0), status: payload.readUInt32BE(4) };
      case controlTypes.settings:
        return { type: 'settings', initialWindowBytes: initialWindow(payload) };
      case controlTypes.ping:
        return { type: 'ping', id: payload.readUInt32BE(0) };
      case controlTypes.goaway:
        return { type: 'goaway', lastStreamId: uint31(0), status: payload.readUInt32BE(4) };
      case controlTypes.windowUpdate:
        return { type: 'window-update', streamId: uint31(0), deltaBytes: uint31(4) };
      default:
        // Section 2.2.1: unknown control frames are ignored.
        return 'skip';
    }
  }
}

/** Builds frames; keeps the compression state of one direction, so frames must be sent in the order in which they were built. */
export class FrameWriter {
  readonly #compressor = new HeaderCompressor();

  synStream(streamId: number, headers: SpdyHeaders, fin = false): Buffer {
    const fixed = Buffer.alloc(10);
    fixed.writeUInt32BE(streamId, 0);
    return control(controlTypes.synStream, fin ? finFlag : 0, fixed, this.#compressor.compress(headers));
  }

  synReply(streamId: number, headers: SpdyHeaders, fin = false): Buffer {
    return control(controlTypes.synReply, fin ? finFlag : 0, uint32s(streamId), this.#compressor.compress(headers));
  }

  data(streamId: number, data: Buffer, fin = false): Buffer {
    const frame = Buffer.alloc(headerBytes + data.length);
    frame.writeUInt32BE(streamId, 0);
    frame[4] = fin ? finFlag : 0;
    frame.writeUIntBE(data.length, 5, 3);
    data.copy(frame, headerBytes);
    return frame;
  }

  rstStream(streamId: number, status: number): Buffer {
    return control(controlTypes.rstStream, 0, uint32s(streamId, status));
  }

  settings(initialWindowBytes: number): Buffer {
    return control(controlTypes.settings, 0, uint32s(1, initialWindowSettingId, initialWindowBytes));
  }

  ping(id: number): Buffer {
    return control(controlTypes.ping, 0, uint32s(id));
  }

  goaway(lastStreamId: number, status = 0): Buffer {
    return control(controlTypes.goaway, 0, uint32s(lastStreamId, status));
  }

  windowUpdate(streamId: number, deltaBytes: number): Buffer {
    return control(controlTypes.windowUpdate, 0, uint32s(streamId, deltaBytes));
  }
}

/** Entries are flags(8) id(24) value(32). */
function initialWindow(payload: Buffer): number | undefined {
  const count = payload.readUInt32BE(0);
  for (let i = 0; i < count; i++) {
    const offset = 4 + i * 8;
    if (payload.readUIntBE(offset + 1, 3) === initialWindowSettingId) return payload.readUInt32BE(offset + 4);
  }
  return undefined;
}

function control(type: number, flags: number, ...payload: Buffer[]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE((0x8000_0000 | (version << 16) | type) >>> 0, 0);
  header[4] = flags;
  header.writeUIntBE(
    payload.reduce((sum, part) => sum + part.length, 0),
    5,
    3,
  );
  return Buffer.concat([header, ...payload]);
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i);
  });
  return bytes;
}
