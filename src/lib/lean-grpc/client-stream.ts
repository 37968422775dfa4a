/**
 * One gRPC call with messages in both directions, on an HTTP/2 connection of its own: the client's side, for streams that live long and
 * where the cost of a message matters. It dials once; when it breaks, the owner makes another.
 *
 * What is written leaves with {@link ClientStream.flush}, in one piece. Messages beyond what the other side takes wait here, so the owner asks
 * {@link ClientStream.writable} before it writes more.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type PeerCertificate } from 'node:tls';
import {
  defaultWindowBytes,
  FrameWriter,
  flag,
  frameHeaderBytes,
  frameType,
  maxFrameBytes,
  maxWindowBytes,
  messagePrefixBytes,
  preface,
  setting,
} from './frames.ts';
import { encodeLiteral, type Header, HpackDecoder, HpackError } from './hpack.ts';
import { maxHeaderBytes } from './limits.ts';
import type { TlsPems } from './server.ts';
import { GrpcError, type GrpcStatus, grpcStatus } from './status.ts';

/** A silent connection is asked for a sign of life after this time, and given up when none comes within as much again. */
const keepaliveMs = 1_000;
/** Of what the server says. */
const maxAnswerBytes = 1 << 20;
const windowBytes = maxAnswerBytes + (64 << 10);
const stream = 1;
const pingPayload = Buffer.from('trimast!', 'latin1');

export interface ClientStreamOptions {
  /** `host:port`, `[address]:port`. */
  readonly address: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Absent: plain text, for tests. */
  readonly tls?: ClientTls | undefined;
  readonly onMessage: (message: Uint8Array) => void;
  /** There is room again after {@link ClientStream.writable} was false. */
  readonly onDrain: () => void;
  /** Once, unless {@link ClientStream.close} was called before: a GrpcError with the server's status, or with UNAVAILABLE when the connection broke. */
  readonly onEnd: (error: GrpcError) => void;
}

export interface ClientTls extends TlsPems {
  /** Whether this certificate, which is of our CA, is that of who we mean; undefined: it is. */
  readonly checkServer: (certificate: PeerCertificate) => Error | undefined;
}

export class ClientStream {
  readonly #options: ClientStreamOptions;
  readonly #socket: Socket;
  readonly #out = new FrameWriter();
  readonly #decoder = new HpackDecoder(interpret);
  #connected = false;
  #ended = false;
  #networkFull = false;
  #windowConnection = defaultWindowBytes;
  #windowStream = defaultWindowBytes;
  #initialWindow = defaultWindowBytes;
  #maxFrameBytes = maxFrameBytes;
  /** Framed messages that wait for a window or the network. */
  readonly #waiting: Buffer[] = [];
  #rest: Buffer | undefined;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #unacknowledged = 0;
  #headerBlock: Buffer[] | undefined;
  #headerFlags = 0;
  #heard = true;
  #asked = false;
  readonly #keepalive: NodeJS.Timeout;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
    const { host, port } = split(options.address);
    this.#socket = options.tls ? connectTls(tlsOptions(host, port, options.tls)) : connectTcp({ host, port });
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.once(options.tls ? 'secureConnect' : 'connect', () => this.#begin());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => {
      this.#networkFull = false;
      this.#pump();
    });
    socket.on('error', (error) => this.#end(grpcStatus.unavailable, error.message, error));
    socket.on('end', () => this.#end(grpcStatus.unavailable, 'the other side closed the connection'));
    socket.on('close', () => this.#end(grpcStatus.unavailable, 'the connection was closed'));
    this.#keepalive = setInterval(() => this.#checkAlive(), keepaliveMs);
    this.#out.settings([
      [setting.enablePush, 0],
      [setting.initialWindowSize, windowBytes],
      [setting.maxHeaderListSize, maxHeaderBytes],
    ]);
    this.#out.headers(stream, requestHead(options.path, options.address, options.tls !== undefined), false);
  }

  /** False: more waits here than the other side takes; `onDrain` follows. */
  get writable(): boolean {
    return !this.#networkFull && this.#waiting.length === 0;
  }

  /** The message is copied. */
  write(message: Uint8Array): void {
    if (this.#ended) return;
    const bytes = messagePrefixBytes + message.length;
    if (this.writable && bytes <= this.#room()) {
      this.#out.message(stream, message);
      this.#take(bytes);
      return;
    }
    const framed = Buffer.allocUnsafe(bytes);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, messagePrefixBytes);
    this.#waiting.push(framed);
    this.#fill();
  }

  flush(): void {
    if (!this.#connected || this.#ended) return;
    while (this.#out.length > 0) {
      if (!this.#socket.write(this.#out.take())) this.#networkFull = true;
      this.#fill();
    }
  }

  /** Nothing is called any more. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
  }

  // --- out ---

  #begin(): void {
    if (this.#ended) return;
    this.#socket.write(preface);
    this.#connected = true;
    this.flush();
  }

  #room(): number {
    return Math.min(this.#maxFrameBytes, this.#windowConnection, this.#windowStream);
  }

  #take(bytes: number): void {
    this.#windowConnection -= bytes;
    this.#windowStream -= bytes;
  }

  /** Frames what the windows allow, and not more than the network takes at once. */
  #fill(): void {
    while (this.#waiting.length > 0 && !this.#networkFull && this.#out.length < highWaterBytes) {
      const bytes = this.#waiting[0]!;
      const size = Math.min(bytes.length, this.#room());
      if (size <= 0) return;
      this.#out.data(stream, bytes.subarray(0, size));
      this.#take(size);
      if (size === bytes.length) this.#waiting.shift();
      else this.#waiting[0] = bytes.subarray(size);
    }
  }

  #pump(): void {
    if (this.#ended) return;
    this.#fill();
    this.flush();
    if (this.writable) this.#options.onDrain();
  }

  // --- in ---

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#heard = true;
    const buffer = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let position = 0;
    while (buffer.length - position >= frameHeaderBytes && !this.#ended) {
      const length = buffer.readUIntBE(position, 3);
      if (length > maxFrameBytes) {
        this.#end(grpcStatus.internal, `a frame of ${length} bytes`);
        return;
      }
      const end = position + frameHeaderBytes + length;
      if (end > buffer.length) break;
      const id = buffer.readUInt32BE(position + 5) & maxWindowBytes;
      this.#frame(buffer[position + 3]!, buffer[position + 4]!, id, buffer.subarray(position + frameHeaderBytes, end));
      position = end;
    }
    if (position < buffer.length) this.#rest = Buffer.from(buffer.subarray(position));
    this.flush();
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case frameType.data:
        this.#data(flags, payload);
        break;
      case frameType.headers:
        this.#headerFlags = flags;
        this.#headerBlock = [unpadded(flags, payload)];
        this.#headers(flags);
        break;
      case frameType.continuation:
        this.#headerBlock?.push(Buffer.from(payload));
        if ((this.#headerBlock?.length ?? 0) > 8) this.#end(grpcStatus.internal, 'headers without end');
        else this.#headers(flags);
        break;
      case frameType.settings:
        if (!(flags & flag.ack)) this.#settings(payload);
        break;
      case frameType.windowUpdate:
        if (payload.length !== 4) break;
        if (id === 0) this.#windowConnection += payload.readUInt32BE(0) & maxWindowBytes;
        else this.#windowStream += payload.readUInt32BE(0) & maxWindowBytes;
        if (this.#waiting.length > 0) this.#pump();
        break;
      case frameType.ping:
        if (!(flags & flag.ack) && payload.length === 8) this.#out.ping(payload, true);
        break;
      case frameType.reset:
        this.#end(
          grpcStatus.unavailable,
          `the stream was reset, code ${payload.length === 4 ? payload.readUInt32BE(0) : '?'}`,
        );
        break;
      case frameType.goAway:
        this.#end(grpcStatus.unavailable, `the other side goes away: ${payload.toString('latin1', 8) || 'no reason'}`);
        break;
      default:
        break;
    }
  }

  #settings(payload: Buffer): void {
    for (let position = 0; position + 6 <= payload.length; position += 6) {
      const id = payload.readUInt16BE(position);
      const value = payload.readUInt32BE(position + 2);
      if (id !== setting.initialWindowSize) continue;
      this.#windowStream += value - this.#initialWindow;
      this.#initialWindow = value;
    }
    this.#out.settingsAck();
    if (this.#waiting.length > 0) this.#pump();
  }

  #headers(flags: number): void {
    if (!(flags & flag.endHeaders)) return;
    const block = Buffer.concat(this.#headerBlock ?? []);
    this.#headerBlock = undefined;
    try {
      const { httpStatus, status, message } = this.#decoder.decode(block);
      if (status !== undefined) this.#end(status, message);
      else if (httpStatus !== undefined && httpStatus !== '200')
        this.#end(grpcStatus.unavailable, `HTTP status ${httpStatus}`);
      else if (this.#headerFlags & flag.endStream) this.#end(grpcStatus.unknown, 'the call ended without a status');
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#end(grpcStatus.internal, error.message);
    }
  }

  #data(flags: number, payload: Buffer): void {
    this.#unacknowledged += payload.length;
    if (this.#unacknowledged >= defaultWindowBytes / 2) {
      this.#out.windowUpdate(0, this.#unacknowledged);
      this.#out.windowUpdate(stream, this.#unacknowledged);
      this.#unacknowledged = 0;
    }
    const bytes = unpadded(flags, payload);
    this.#partial.push(bytes);
    this.#partialBytes += bytes.length;
    while (this.#partialBytes >= messagePrefixBytes && !this.#ended) {
      const joined = this.#partial.length === 1 ? this.#partial[0]! : Buffer.concat(this.#partial);
      this.#partial = [joined];
      const end = messagePrefixBytes + joined.readUInt32BE(1);
      if (joined[0] !== 0 || end > maxAnswerBytes) {
        this.#end(grpcStatus.internal, 'an answer that is compressed or too long');
        return;
      }
      if (joined.length < end) return;
      this.#partial = end < joined.length ? [joined.subarray(end)] : [];
      this.#partialBytes = joined.length - end;
      this.#options.onMessage(joined.subarray(messagePrefixBytes, end));
    }
  }

  #checkAlive(): void {
    if (!this.#connected) return;
    if (this.#heard) this.#asked = false;
    else if (this.#asked) {
      this.#end(grpcStatus.unavailable, `no sign of life for ${2 * keepaliveMs} ms`);
      return;
    } else {
      this.#asked = true;
      this.#out.ping(pingPayload, false);
      this.flush();
    }
    this.#heard = false;
  }

  #end(status: GrpcStatus, message: string, cause?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    this.#options.onEnd(new GrpcError(status, message, { cause }));
  }

  #stop(): void {
    clearInterval(this.#keepalive);
    this.#waiting.length = 0;
    this.#partial = [];
    this.#socket.destroy();
  }
}

/** Framed and not written: about what a socket takes in one go. */
const highWaterBytes = 256 << 10;

interface Answer {
  readonly httpStatus: string | undefined;
  readonly status: GrpcStatus | undefined;
  readonly message: string;
}

function interpret(headers: readonly Header[]): Answer {
  const value = (name: string) => headers.find((header) => header[0] === name)?.[1];
  const status = value('grpc-status');
  return {
    httpStatus: value(':status'),
    status: status === undefined ? undefined : (Number(status) as GrpcStatus),
    message: decodeMessage(value('grpc-message') ?? ''),
  };
}

function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unpadded(flags: number, payload: Buffer): Buffer {
  let start = 0;
  let end = payload.length;
  if (flags & flag.padded) end -= payload[start++] ?? 0;
  if (flags & flag.priority) start += 5;
  return payload.subarray(start, Math.max(start, end));
}

/** `:method: POST` and `:scheme` from the static table, everything else as literals that nobody remembers. */
function requestHead(path: string, authority: string, secure: boolean): Buffer {
  return Buffer.concat([
    Buffer.from([0x80 | 3, 0x80 | (secure ? 7 : 6)]),
    encodeLiteral(':path', path),
    encodeLiteral(':authority', authority),
    encodeLiteral('content-type', 'application/grpc'),
    encodeLiteral('te', 'trailers'),
  ]);
}

function split(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

function tlsOptions(host: string, port: number, { ca, cert, key, checkServer }: ClientTls): ConnectionOptions {
  return {
    host,
    port,
    ca,
    cert,
    key,
    // Who answers is judged by the certificate alone, whatever address was dialled.
    servername: 'trimast-master',
    checkServerIdentity: (_host, certificate) => checkServer(certificate),
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2'],
  };
}
