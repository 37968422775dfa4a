/**
 * The server's side of one HTTP/2 connection (RFC 9113), as far as gRPC uses it: bytes in, calls and bytes out. It knows no socket
 * and no clock but the calls' deadlines.
 *
 * Everything that is answered in one turn of the event loop leaves in one write: what is to be sent is collected, `wantsFlush` is called
 * once, and the owner calls {@link flush} at the end of the turn.
 */
import { Call, type CallTransport, type Method, type PeerIdentity, type RequestHead } from './call.ts';
import {
  defaultWindowBytes,
  errorCode,
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
import { type Header, HpackDecoder, HpackError, ResponseHeaders } from './hpack.ts';
import {
  type LeanLimits,
  maxConnectionOutputBytes,
  maxControlFrames,
  maxHeaderBytes,
  maxResets,
  streamHighWaterBytes,
} from './limits.ts';
import { type GrpcStatus, grpcStatus, parseTimeoutMs } from './status.ts';

export interface ConnectionOwner {
  /** False: the network has enough for now; {@link ServerConnection.drained} follows. */
  write(bytes: Buffer): boolean;
  /** Ends the connection once what was written is sent. */
  close(): void;
  wantsFlush(connection: ServerConnection): void;
  /** Within a few milliseconds, if nothing else is sent before. */
  wantsFlushLater(connection: ServerConnection): void;
  method(path: string): Method | undefined;
  hasService(name: string): boolean;
  readonly limits: LeanLimits;
  /** Why this peer may not call anything; undefined when it may. */
  readonly refusal: string | undefined;
  account(bytes: number): boolean;
  failed(path: string, error: unknown): void;
}

const unknownMethod: Method = { kind: 'unary', handle: () => undefined };
const keepalivePayload = Buffer.from('trimast?', 'latin1');

export class ServerConnection implements CallTransport {
  readonly peer: PeerIdentity;
  readonly #owner: ConnectionOwner;
  readonly #out = new FrameWriter();
  readonly #decoder = new HpackDecoder(interpretHead);
  readonly #responseHeaders = new ResponseHeaders();
  readonly #calls = new Map<number, Call>();
  /** Calls with answers that wait for a window or the network. */
  readonly #blocked = new Set<Call>();
  #queuedBytes = 0;
  #rest: Buffer | undefined;
  #greeted = false;
  #closed = false;
  #draining = false;
  #flushWanted = false;
  #networkFull = false;
  #lastStream = 0;
  #window = defaultWindowBytes;
  #initialWindow = defaultWindowBytes;
  #unacknowledged = 0;
  #headerBlock: { stream: number; flags: number; parts: Buffer[]; bytes: number } | undefined;
  #controlFrames = 0;
  #resets = 0;
  /** Something came since the owner looked last. */
  #heard = true;

  constructor(owner: ConnectionOwner, peer: PeerIdentity) {
    this.#owner = owner;
    this.peer = peer;
    const { maxStreamsPerConnection, streamWindowBytes, connectionWindowBytes } = owner.limits;
    this.#out.settings([
      [setting.maxConcurrentStreams, maxStreamsPerConnection],
      [setting.initialWindowSize, streamWindowBytes],
      [setting.maxHeaderListSize, maxHeaderBytes],
    ]);
    this.#out.windowUpdate(0, connectionWindowBytes - defaultWindowBytes);
    this.#wantFlush();
  }

  get limits(): LeanLimits {
    return this.#owner.limits;
  }

  get openCalls(): number {
    return this.#calls.size;
  }

  /** The other side has said that it speaks HTTP/2. */
  get greeted(): boolean {
    return this.#greeted;
  }

  // --- from the owner ---

  receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#heard = true;
    const buffer = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let position = 0;
    if (!this.#greeted) {
      const length = Math.min(buffer.length, preface.length);
      if (preface.compare(buffer, 0, length, 0, length) !== 0) {
        this.#goAway(errorCode.protocol, 'this port speaks gRPC over HTTP/2');
        return;
      }
      if (length < preface.length) {
        this.#rest = buffer;
        return;
      }
      this.#greeted = true;
      position = preface.length;
    }
    while (buffer.length - position >= frameHeaderBytes && !this.#closed) {
      const length = (buffer[position]! << 16) | (buffer[position + 1]! << 8) | buffer[position + 2]!;
      if (length > maxFrameBytes) {
        this.#goAway(errorCode.frameSize, `a frame of ${length} bytes`);
        return;
      }
      const end = position + frameHeaderBytes + length;
      if (end > buffer.length) break;
      const stream = buffer.readUInt32BE(position + 5) & maxWindowBytes;
      this.#frame(buffer[position + 3]!, buffer[position + 4]!, stream, buffer, position + frameHeaderBytes, end);
      position = end;
    }
    if (position < buffer.length) this.#rest = Buffer.from(buffer.subarray(position));
  }

  flush(): void {
    this.#flushWanted = false;
    if (this.#out.length === 0 || this.#closed) return;
    this.#networkFull = !this.#owner.write(this.#out.take());
  }

  /** The network takes more. */
  drained(): void {
    this.#networkFull = false;
    this.#pumpAll();
  }

  /** The connection is gone. */
  lost(): void {
    this.#closed = true;
    for (const call of this.#calls.values()) call.close(true);
    this.#calls.clear();
    this.#blocked.clear();
  }

  /** No new calls; those that run may end. */
  drain(): void {
    if (this.#closed || this.#draining) return;
    this.#draining = true;
    this.#out.goAway(this.#lastStream, errorCode.none, 'this member shuts down');
    this.#wantFlush();
    this.#closeIfDrained();
  }

  /** Whether anything came since the last call; if not, asks the other side for a sign of life. */
  checkAlive(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    if (!heard) {
      this.#out.ping(keepalivePayload, false);
      this.#wantFlush();
    }
    return heard;
  }

  forgiveStrikes(): void {
    this.#controlFrames = 0;
    this.#resets = 0;
  }

  // --- from the calls ---

  reply(call: Call, message: Uint8Array): void {
    const bytes = messagePrefixBytes + message.length;
    if (bytes <= maxFrameBytes && bytes <= call.window && bytes <= this.#window && !this.#networkFull) {
      this.#sendHead(call);
      this.#window -= bytes;
      this.#out.message(call.id, message);
      this.#sendEnd(call, grpcStatus.ok, '');
      return;
    }
    this.send(call, message);
    this.finish(call);
  }

  send(call: Call, message: Uint8Array): void {
    this.#controlFrames = 0;
    this.#sendHead(call);
    const bytes = messagePrefixBytes + message.length;
    const fits = bytes <= maxFrameBytes && bytes <= call.window && bytes <= this.#window && !this.#networkFull;
    if (fits && call.queue.length === 0) {
      this.#window -= bytes;
      call.window -= bytes;
      this.#out.message(call.id, message);
      this.#wantFlush();
      return;
    }
    const framed = Buffer.allocUnsafe(bytes);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, messagePrefixBytes);
    call.queue.push(framed);
    call.queuedBytes += bytes;
    this.#queuedBytes += bytes;
    this.#blocked.add(call);
    this.#pump(call);
    if (this.#queuedBytes > maxConnectionOutputBytes)
      this.#goAway(errorCode.calm, 'this client does not read what it asked for');
  }

  finish(call: Call): void {
    this.#sendHead(call);
    this.#finish(call, grpcStatus.ok, '');
  }

  finishWithError(call: Call, status: GrpcStatus, message: string): void {
    this.#finish(call, status, message);
  }

  resetStream(call: Call, code: number): void {
    this.#out.reset(call.id, code);
    this.#wantFlush();
    this.#forget(call, true);
  }

  credit(call: Call, bytes: number): void {
    if (call.remoteEnded) return;
    this.#out.windowUpdate(call.id, bytes);
    this.#wantFlush();
  }

  account(bytes: number): boolean {
    return this.#owner.account(bytes);
  }

  failed(call: Call, error: unknown): void {
    this.#owner.failed(call.head.path, error);
  }

  // --- frames in ---

  #frame(type: number, flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    if (this.#headerBlock && (type !== frameType.continuation || stream !== this.#headerBlock.stream)) {
      this.#goAway(errorCode.protocol, 'a header block that is not finished');
      return;
    }
    switch (type) {
      case frameType.data:
        this.#data(flags, stream, buffer, start, end);
        break;
      case frameType.headers:
        this.#headers(flags, stream, buffer, start, end);
        break;
      case frameType.continuation:
        this.#continuation(flags, buffer.subarray(start, end));
        break;
      case frameType.windowUpdate:
        this.#windowUpdate(stream, buffer, start, end);
        break;
      case frameType.reset:
        this.#reset(stream);
        break;
      case frameType.settings:
        this.#settings(flags, stream, buffer, start, end);
        break;
      case frameType.ping:
        if (end - start !== 8) this.#goAway(errorCode.frameSize, 'a ping of the wrong size');
        else if (!(flags & flag.ack) && this.#mayAsk()) {
          // Clients ask with nearly every call, to measure bandwidth; the answer goes along with that of the call.
          this.#out.ping(buffer.subarray(start, end), true);
          if (!this.#flushWanted) this.#owner.wantsFlushLater(this);
        }
        break;
      case frameType.pushPromise:
        this.#goAway(errorCode.protocol, 'clients do not push');
        break;
      default:
        // Priorities, the client's GOAWAY and what future versions may bring change nothing here.
        break;
    }
  }

  #data(flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    const windowBytes = end - start;
    this.#unacknowledged += windowBytes;
    if (this.#unacknowledged >= this.limits.connectionWindowBytes / 2) {
      this.#out.windowUpdate(0, this.#unacknowledged);
      this.#unacknowledged = 0;
      this.#wantFlush();
    }
    const call = this.#calls.get(stream);
    if (!call) {
      // One that this side has ended; the client does not know yet.
      if (stream === 0 || stream > this.#lastStream) this.#goAway(errorCode.protocol, `data on stream ${stream}`);
      return;
    }
    if (flags & flag.padded) {
      const padding = buffer[start]!;
      if (1 + padding > windowBytes) {
        this.#goAway(errorCode.protocol, 'more padding than data');
        return;
      }
      start += 1;
      end -= padding;
    }
    if (call.remoteEnded) {
      this.resetStream(call, errorCode.streamClosed);
      return;
    }
    if (end > start) call.receive(buffer.subarray(start, end), windowBytes);
    if (flags & flag.endStream) call.halfClosed();
  }

  #headers(flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    let padding = 0;
    if (flags & flag.padded) padding = buffer[start++] ?? 0;
    if (flags & flag.priority) start += 5;
    if (start + padding > end) {
      this.#goAway(errorCode.protocol, 'a malformed header frame');
      return;
    }
    const block = buffer.subarray(start, end - padding);
    if (flags & flag.endHeaders) this.#open(stream, flags, block);
    else this.#headerBlock = { stream, flags, parts: [Buffer.from(block)], bytes: block.length };
  }

  #continuation(flags: number, part: Buffer): void {
    const block = this.#headerBlock;
    if (!block) {
      this.#goAway(errorCode.protocol, 'a continuation of nothing');
      return;
    }
    block.parts.push(Buffer.from(part));
    block.bytes += part.length;
    if (block.bytes > maxHeaderBytes || block.parts.length > 8) {
      this.#goAway(errorCode.calm, `headers of more than ${maxHeaderBytes} bytes`);
      return;
    }
    if (!(flags & flag.endHeaders)) return;
    this.#headerBlock = undefined;
    this.#open(block.stream, block.flags, Buffer.concat(block.parts));
  }

  #open(stream: number, flags: number, block: Buffer): void {
    let head: RequestHead;
    try {
      head = this.#decoder.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#goAway(errorCode.compression, error.message);
      return;
    }
    const known = this.#calls.get(stream);
    if (known) {
      // The client's trailers, of which gRPC knows none.
      if (flags & flag.endStream) known.halfClosed();
      else this.resetStream(known, errorCode.protocol);
      return;
    }
    if (stream <= this.#lastStream) return;
    if (stream % 2 === 0) {
      this.#goAway(errorCode.protocol, `a client's stream has the number ${stream}`);
      return;
    }
    if (this.#draining || this.#calls.size >= this.limits.maxStreamsPerConnection) {
      if (!this.#draining) this.#lastStream = stream;
      this.#out.reset(stream, errorCode.refusedStream);
      this.#wantFlush();
      return;
    }
    this.#lastStream = stream;
    const method = this.#owner.method(head.path);
    const call = new Call(this, stream, head, method ?? unknownMethod);
    call.window = this.#initialWindow;
    this.#calls.set(stream, call);
    if (this.#owner.refusal !== undefined) call.fail(grpcStatus.permissionDenied, this.#owner.refusal);
    else if (!method && !head.wrong) {
      const service = head.path.split('/')[1] ?? '';
      const what = this.#owner.hasService(service)
        ? `method ${head.path.split('/')[2] ?? ''} for service ${service}`
        : `service ${service}`;
      call.fail(grpcStatus.unimplemented, `unknown ${what}`);
    } else call.open();
    if (flags & flag.endStream) call.halfClosed();
  }

  #reset(stream: number): void {
    if (++this.#resets > maxResets) {
      this.#goAway(errorCode.calm, 'too many streams were opened and reset');
      return;
    }
    const call = this.#calls.get(stream);
    if (call) this.#forget(call, true);
  }

  #settings(flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    if (flags & flag.ack) return;
    if (stream !== 0 || (end - start) % 6 !== 0) {
      this.#goAway(errorCode.frameSize, 'malformed settings');
      return;
    }
    if (!this.#mayAsk()) return;
    for (let position = start; position < end; position += 6) {
      const id = buffer.readUInt16BE(position);
      const value = buffer.readUInt32BE(position + 2);
      if (id === setting.headerTableSize && value < 4_096) this.#responseHeaders.disableTable();
      if (id !== setting.initialWindowSize) continue;
      if (value > maxWindowBytes) {
        this.#goAway(errorCode.flowControl, `an initial window of ${value} bytes`);
        return;
      }
      for (const call of this.#calls.values()) call.window += value - this.#initialWindow;
      this.#initialWindow = value;
    }
    this.#out.settingsAck();
    this.#wantFlush();
    this.#pumpAll();
  }

  #windowUpdate(stream: number, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) {
      this.#goAway(errorCode.frameSize, 'a window update of the wrong size');
      return;
    }
    const increment = buffer.readUInt32BE(start) & maxWindowBytes;
    if (stream === 0) {
      this.#window += increment;
      if (increment === 0 || this.#window > maxWindowBytes)
        this.#goAway(errorCode.flowControl, 'a window out of bounds');
      else this.#pumpAll();
      return;
    }
    const call = this.#calls.get(stream);
    if (!call) return;
    call.window += increment;
    if (increment === 0 || call.window > maxWindowBytes) this.resetStream(call, errorCode.flowControl);
    else if (call.queue.length > 0) this.#pump(call);
  }

  // --- frames out ---

  #sendHead(call: Call): void {
    if (call.headSent) return;
    call.headSent = true;
    this.#out.headers(call.id, this.#responseHeaders.head(), false);
    this.#wantFlush();
  }

  #finish(call: Call, status: GrpcStatus, message: string): void {
    if (call.queue.length > 0) call.ending = { status, message };
    else this.#sendEnd(call, status, message);
  }

  #sendEnd(call: Call, status: GrpcStatus, message: string): void {
    const headers = this.#responseHeaders;
    if (status === grpcStatus.ok) this.#out.headers(call.id, headers.trailersOk(), true);
    else {
      const head = call.headSent ? [] : [headers.head()];
      this.#out.headers(call.id, Buffer.concat([...head, headers.trailersError(status, message)]), true);
    }
    if (!call.remoteEnded) this.#out.reset(call.id, errorCode.none);
    this.#wantFlush();
    this.#forget(call, false);
  }

  #pumpAll(): void {
    for (const call of this.#blocked) {
      if (this.#networkFull || this.#window <= 0 || this.#closed) return;
      this.#pump(call);
    }
  }

  /** Sends what waits as far as the windows and the network take it. */
  #pump(call: Call): void {
    const wasFull = call.queuedBytes >= streamHighWaterBytes;
    while (call.queue.length > 0 && !this.#networkFull) {
      const bytes = call.queue[0]!;
      const size = Math.min(bytes.length, maxFrameBytes, call.window, this.#window);
      if (size <= 0) break;
      this.#out.data(call.id, bytes.subarray(0, size));
      this.#wantFlush();
      this.#window -= size;
      call.window -= size;
      call.queuedBytes -= size;
      this.#queuedBytes -= size;
      if (size === bytes.length) call.queue.shift();
      else call.queue[0] = bytes.subarray(size);
      if (this.#out.length > streamHighWaterBytes) this.flush();
    }
    if (call.queue.length > 0) return;
    this.#blocked.delete(call);
    if (call.ending) this.#sendEnd(call, call.ending.status, call.ending.message);
    else if (wasFull || call.queuedBytes === 0) call.onDrain?.();
  }

  #forget(call: Call, cancelled: boolean): void {
    this.#calls.delete(call.id);
    if (this.#blocked.delete(call)) this.#queuedBytes -= call.queuedBytes;
    call.close(cancelled);
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (!this.#draining || this.#calls.size > 0 || this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#owner.close();
  }

  /** Frames that must be answered cost the client nothing; so they are counted. */
  #mayAsk(): boolean {
    if (++this.#controlFrames <= maxControlFrames) return true;
    this.#goAway(errorCode.calm, 'too many pings');
    return false;
  }

  #goAway(code: number, reason: string): void {
    if (this.#closed) return;
    this.#out.goAway(this.#lastStream, code, reason);
    this.flush();
    this.#owner.close();
    this.lost();
  }

  #wantFlush(): void {
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.#owner.wantsFlush(this);
  }
}

function interpretHead(headers: readonly Header[]): RequestHead {
  let path = '';
  let method = '';
  let contentType = '';
  let timeoutMs: number | undefined;
  for (const [name, value] of headers) {
    if (name === ':path') path = value;
    else if (name === ':method') method = value;
    else if (name === 'content-type') contentType = value;
    else if (name === 'grpc-timeout') timeoutMs = parseTimeoutMs(value);
  }
  let wrong: RequestHead['wrong'];
  if (method !== 'POST')
    wrong = { status: grpcStatus.internal, message: `gRPC calls are POST requests, not "${method}"` };
  else if (!contentType.startsWith('application/grpc'))
    wrong = {
      status: grpcStatus.internal,
      message: `gRPC calls have the content type application/grpc, not "${contentType}"`,
    };
  return { path, timeoutMs, wrong, headers };
}
