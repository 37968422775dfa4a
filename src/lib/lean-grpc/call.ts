/**
 * One call: an HTTP/2 stream with gRPC messages on it. Handlers see it as {@link Call}; what the connection needs of it is not theirs.
 */
import { defaultWindowBytes, errorCode, messagePrefixBytes } from './frames.ts';
import type { Header } from './hpack.ts';
import { type LeanLimits, streamHighWaterBytes } from './limits.ts';
import { GrpcError, type GrpcStatus, grpcStatus, percentEncode } from './status.ts';

/** What the certificate of the other side says. */
export interface PeerIdentity {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface RequestHead {
  readonly path: string;
  readonly timeoutMs: number | undefined;
  /** Undefined: this is a gRPC call. Else why it is none, with the HTTP status that says so. */
  readonly wrong: { readonly status: GrpcStatus; readonly message: string } | undefined;
  readonly headers: readonly Header[];
}

export type UnaryHandler = (request: Uint8Array, call: Call) => void | Promise<void>;
/** Sets `call.onMessage` and the like before it returns. */
export type StreamHandler = (call: Call) => void | Promise<void>;

export type Method =
  | { readonly kind: 'unary'; readonly handle: UnaryHandler }
  /** One request, many answers. */
  | { readonly kind: 'server-stream'; readonly handle: UnaryHandler }
  | { readonly kind: 'stream'; readonly handle: StreamHandler };

/** What a call asks of its connection. */
export interface CallTransport {
  readonly peer: PeerIdentity;
  readonly limits: LeanLimits;
  reply(call: Call, message: Uint8Array): void;
  /** Puts a message on its way, or behind what waits already. */
  send(call: Call, message: Uint8Array): void;
  finish(call: Call): void;
  finishWithError(call: Call, status: GrpcStatus, message: string): void;
  resetStream(call: Call, code: number): void;
  /** The handler took this much: the client may send it again. */
  credit(call: Call, bytes: number): void;
  /** Incomplete messages, for the limit over all connections. False: too much. */
  account(bytes: number): boolean;
  failed(call: Call, error: unknown): void;
}

export class Call {
  readonly id: number;
  readonly head: RequestHead;
  readonly #transport: CallTransport;
  readonly #method: Method;

  /** The other side has sent a message. Streams only. */
  onMessage: ((message: Uint8Array) => void) | undefined;
  /** The other side will send no more. */
  onHalfClose: (() => void) | undefined;
  /** The call ended otherwise than by this side: cancelled, out of time, or its connection is gone. */
  onCancel: (() => void) | undefined;
  /** There is room again after `send` said no. */
  onDrain: (() => void) | undefined;

  /** Answers of this stream that wait for the client; the connection's. */
  readonly queue: Uint8Array[] = [];
  queuedBytes = 0;
  window = defaultWindowBytes;
  headSent = false;
  /** How it ends when the queue is empty. */
  ending: { readonly status: GrpcStatus; readonly message: string } | undefined;
  remoteEnded = false;
  ended = false;

  #partial: Buffer[] | undefined;
  #partialBytes = 0;
  #neededBytes = 0;
  #request: Uint8Array | undefined;
  #paused = false;
  #toldHalfClosed = false;
  #inbox: Uint8Array[] = [];
  #uncredited = 0;
  #received = 0;
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;

  constructor(transport: CallTransport, id: number, head: RequestHead, method: Method) {
    this.#transport = transport;
    this.id = id;
    this.head = head;
    this.#method = method;
    if (head.timeoutMs !== undefined) this.#startTimer(head.timeoutMs);
  }

  get peer(): PeerIdentity {
    return this.#transport.peer;
  }

  /** Of a header of the request. */
  header(name: string): string | undefined {
    return this.head.headers.find((header) => header[0] === name)?.[1];
  }

  /** Aborts as {@link onCancel} is called. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.ended && !this.#abort.signal.aborted) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The one answer of a unary call. */
  reply(message: Uint8Array): void {
    if (this.ended || this.ending) return;
    this.#transport.reply(this, message);
  }

  /** One of many answers. False: wait for {@link onDrain}. */
  send(message: Uint8Array): boolean {
    if (this.ended || this.ending) return false;
    this.#transport.send(this, message);
    return this.queuedBytes < streamHighWaterBytes;
  }

  end(): void {
    if (this.ended || this.ending) return;
    this.#transport.finish(this);
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.ended || this.ending) return;
    this.#transport.finishWithError(this, status, percentEncode(message));
  }

  /** With the status of a {@link GrpcError}; any other error is this program's fault, and logged. */
  failWith(error: unknown): void {
    if (error instanceof GrpcError) this.fail(error.status, error.message);
    else {
      this.#transport.failed(this, error);
      this.fail(grpcStatus.internal, 'internal error; the log of this member says more');
    }
  }

  /** No more messages until {@link resume}, and soon none from the other side. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused && !this.ended && this.#inbox.length > 0) this.#deliver(this.#inbox.shift()!);
    this.#credit();
    if (this.remoteEnded) this.#tellHalfClosed();
  }

  // --- the connection's side ---

  open(): void {
    if (this.head.wrong) this.fail(this.head.wrong.status, this.head.wrong.message);
    else if (this.#method.kind === 'stream') this.#run(() => (this.#method.handle as StreamHandler)(this));
  }

  /** Some of the request's bytes. `windowBytes`: what they count for flow control. */
  receive(bytes: Buffer, windowBytes: number): void {
    if (this.ended) return;
    this.#received += windowBytes;
    if (this.#received > this.#transport.limits.streamWindowBytes) {
      this.#transport.resetStream(this, errorCode.flowControl);
      return;
    }
    if (this.#partial === undefined && bytes.length >= messagePrefixBytes) {
      const length = messageLength(bytes);
      if (bytes[0] === 0 && bytes.length === messagePrefixBytes + length) {
        this.#message(bytes.subarray(messagePrefixBytes), windowBytes);
        return;
      }
    }
    this.#assemble(bytes, windowBytes);
  }

  halfClosed(): void {
    if (this.ended || this.remoteEnded) return;
    this.remoteEnded = true;
    if (this.ending) return;
    if (this.#partial) this.fail(grpcStatus.internal, 'the request ended in the middle of a message');
    else if (this.#method.kind !== 'stream') this.#startUnary();
    else this.#tellHalfClosed();
  }

  /** The connection calls it once, when nothing of this call will follow in either direction. */
  close(cancelled: boolean): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.#timer);
    this.#transport.account(-this.#partialBytes);
    this.#partialBytes = 0;
    this.#partial = undefined;
    this.#request = undefined;
    this.#inbox = [];
    if (!cancelled) return;
    this.onCancel?.();
    this.#abort?.abort();
  }

  /** Once, after the last message. */
  #tellHalfClosed(): void {
    if (this.#paused || this.ended || this.#toldHalfClosed || this.#inbox.length > 0) return;
    this.#toldHalfClosed = true;
    this.onHalfClose?.();
  }

  #startUnary(): void {
    const request = this.#request;
    this.#request = undefined;
    if (request === undefined) this.fail(grpcStatus.internal, 'a call without a request message');
    else this.#run(() => (this.#method.handle as UnaryHandler)(request, this));
  }

  #run(handle: () => void | Promise<void>): void {
    try {
      handle()?.catch((error: unknown) => this.failWith(error));
    } catch (error) {
      this.failWith(error);
    }
  }

  #startTimer(timeoutMs: number): void {
    // Longer than a timer can be is as good as none.
    if (timeoutMs > 2 ** 31 - 1) return;
    this.#timer = setTimeout(() => {
      this.fail(grpcStatus.deadlineExceeded, 'context deadline exceeded');
      this.onCancel?.();
      this.#abort?.abort();
    }, timeoutMs);
  }

  /** A message that did not come in exactly one frame. */
  #assemble(bytes: Buffer, windowBytes: number): void {
    // A message may be larger than the window: what is put together here is room again as long as the handler takes what is complete.
    this.#uncredited += windowBytes;
    this.#partial ??= [];
    // A copy: a few bytes must not keep a whole network buffer alive.
    this.#partial.push(Buffer.from(bytes));
    this.#partialBytes += bytes.length;
    if (!this.#transport.account(bytes.length)) {
      this.fail(grpcStatus.resourceExhausted, 'too much is being received; try again later');
      return;
    }
    if (this.#partialBytes < Math.max(this.#neededBytes, messagePrefixBytes)) {
      this.#credit();
      return;
    }
    let joined = this.#partial.length === 1 ? this.#partial[0]! : Buffer.concat(this.#partial);
    while (joined.length >= messagePrefixBytes && !this.ended && !this.ending) {
      const length = messageLength(joined);
      if (joined[0] !== 0) {
        this.fail(grpcStatus.unimplemented, 'compressed messages are not supported');
        return;
      }
      const { maxMessageBytes } = this.#transport.limits;
      if (length > maxMessageBytes) {
        this.fail(
          grpcStatus.resourceExhausted,
          `grpc: received message larger than max (${length} vs. ${maxMessageBytes})`,
        );
        return;
      }
      this.#neededBytes = messagePrefixBytes + length;
      if (joined.length < this.#neededBytes) break;
      const message = joined.subarray(messagePrefixBytes, this.#neededBytes);
      this.#release(this.#neededBytes);
      joined = joined.subarray(this.#neededBytes);
      this.#neededBytes = 0;
      this.#message(message, 0);
    }
    if (this.ended) return;
    this.#partial = joined.length > 0 ? [joined] : undefined;
    this.#credit();
  }

  #release(bytes: number): void {
    this.#partialBytes -= bytes;
    this.#transport.account(-bytes);
  }

  #message(message: Uint8Array, windowBytes: number): void {
    if (this.ending) return;
    if (this.#method.kind !== 'stream') {
      if (this.#request !== undefined)
        this.fail(grpcStatus.internal, 'a second request message in a call that takes one');
      else this.#request = message;
      return;
    }
    this.#uncredited += windowBytes;
    if (this.#paused) this.#inbox.push(message);
    else this.#deliver(message);
  }

  #deliver(message: Uint8Array): void {
    try {
      this.onMessage?.(message);
    } catch (error) {
      this.failWith(error);
      return;
    }
    this.#credit();
  }

  #credit(): void {
    if (this.#method.kind !== 'stream' || this.#paused || this.#inbox.length > 0 || this.ended) return;
    if (this.#uncredited < this.#transport.limits.streamWindowBytes / 4) return;
    this.#transport.credit(this, this.#uncredited);
    this.#received -= this.#uncredited;
    this.#uncredited = 0;
  }
}

function messageLength(bytes: Buffer): number {
  return bytes[1]! * 2 ** 24 + ((bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!);
}
