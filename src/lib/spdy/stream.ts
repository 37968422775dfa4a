/**
 * One SPDY stream as a Node.js duplex. `end()` sends FIN and leaves the other direction open; `destroy()` before both directions have
 * ended sends RST_STREAM. A reset by the peer is the stream's `error`.
 */
import { Duplex } from 'node:stream';
import { resetStatus } from './frames.ts';

/** Small enough that streams of a session take turns on the connection. */
const maxDataFrameBytes = 32 * 1024;

/** What a stream needs of its session. */
export interface StreamPort {
  peerKeepsWindows(): boolean;
  /** `done` is called when the connection takes more. */
  sendData(data: Buffer, fin: boolean, done: (error?: Error) => void): void;
  sendReset(status: number): void;
  sendCredit(bytes: number): void;
  remove(): void;
}

export interface StreamLimits {
  /** What the peer accepts before its first credit. */
  readonly sendWindowBytes: number;
  /** Unread bytes at which `receive` asks the session to wait. */
  readonly maxBufferBytes: number;
  /** Credit is granted in portions of at least this size. */
  readonly creditBytes: number;
}

export class SpdyStream extends Duplex {
  readonly id: number;
  /** Of the SYN_STREAM, lower-case; empty for streams that we opened. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #port: StreamPort;
  readonly #limits: StreamLimits;
  #sendWindowBytes: number;
  #receivedBytes = 0;
  #creditedBytes = 0;
  #peerEnded = false;
  #peerGone = false;
  #finSent = false;
  #onGrant: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  constructor(id: number, headers: Record<string, string>, port: StreamPort, limits: StreamLimits) {
    super({ allowHalfOpen: true, readableHighWaterMark: limits.creditBytes, writableHighWaterMark: 64 * 1024 });
    this.id = id;
    this.headers = headers;
    this.#port = port;
    this.#limits = limits;
    this.#sendWindowBytes = limits.sendWindowBytes;
  }

  /** Session only. The promise resolves when the stream has room again; `undefined` when it still has. */
  receive(data: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.#peerEnded) return undefined;
    this.#receivedBytes += data.length;
    this.push(data);
    if (this.readableLength < this.#limits.maxBufferBytes) return undefined;
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** Session only: FIN. */
  receiveEnd(): void {
    if (this.#peerEnded || this.destroyed) return;
    this.#peerEnded = true;
    this.push(null);
  }

  /** Session only: RST_STREAM. After our own end it only means that the peer has nothing to say. */
  receiveReset(status: number): void {
    if (this.#finSent) {
      this.receiveEnd();
      return;
    }
    this.#peerGone = true;
    this.destroy(new Error(`SPDY stream ${this.id} was reset by the peer: status ${status}`));
  }

  /** Session only: the connection is over, without a cause when we dropped it. What the peer had said in full can still be read. */
  connectionLost(cause: Error | undefined): void {
    this.#peerGone = true;
    if (!this.#peerEnded) this.destroy(cause);
    this.#releaseRoom();
  }

  /** Session only: WINDOW_UPDATE, or a change of the initial window, which may be negative. */
  grant(bytes: number): void {
    this.#sendWindowBytes += bytes;
    const resume = this.#onGrant;
    this.#onGrant = undefined;
    resume?.();
  }

  override _read(): void {
    const consumedBytes = this.#receivedBytes - this.readableLength;
    const creditBytes = consumedBytes - this.#creditedBytes;
    if (creditBytes >= this.#limits.creditBytes && !this.#peerEnded) {
      this.#creditedBytes = consumedBytes;
      this.#port.sendCredit(creditBytes);
    }
    this.#releaseRoom();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    if (this.destroyed || chunk.length === 0) {
      callback();
      return;
    }
    let sizeBytes = Math.min(chunk.length, maxDataFrameBytes);
    if (this.#port.peerKeepsWindows()) {
      if (this.#sendWindowBytes <= 0) {
        this.#onGrant = () => this._write(chunk, _encoding, callback);
        return;
      }
      sizeBytes = Math.min(sizeBytes, this.#sendWindowBytes);
    }
    this.#sendWindowBytes -= sizeBytes;
    this.#port.sendData(chunk.subarray(0, sizeBytes), false, (error) => {
      if (error) callback(error);
      else this._write(chunk.subarray(sizeBytes), _encoding, callback);
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#finSent = true;
    this.#port.sendData(Buffer.alloc(0), true, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#port.remove();
    if (!this.#peerGone && !(this.#peerEnded && this.#finSent)) this.#port.sendReset(resetStatus.cancel);
    this.#releaseRoom();
    this.grant(0);
    callback(error);
  }

  #releaseRoom(): void {
    const resume = this.#onRoom;
    this.#onRoom = undefined;
    resume?.();
  }
}
