/**
 * One SPDY/3.1 session over any duplex byte stream: opens, accepts and carries streams.
 *
 * Flow control: we always grant the peer's streams credit as their data is consumed. Of the peers that matter, the common one (the SPDY
 * library of kubectl and of containerd) ignores credit in both directions: it never grants any and sends as it pleases. So
 * (1) the peer's windows bind us only once it has shown that it keeps them (a WINDOW_UPDATE or SETTINGS frame); until then only the
 * connection's own back-pressure does; and (2) a stream that holds `maxStreamBufferBytes` of unread data stops the reading of the whole
 * session until it is read or destroyed, which is the only way to stay bounded with such a peer.
 */
import type { Duplex } from 'node:stream';
import { type Frame, FrameReader, FrameWriter, resetStatus } from './frames.ts';
import type { SpdyHeaders } from './header-block.ts';
import { SpdyStream, type StreamPort } from './stream.ts';

/** What both sides may send on a new stream before the first credit (section 2.6.8). */
export const defaultWindowBytes = 64 * 1024;
export const maxStreamBufferBytes = 1024 * 1024;
export const maxStreamsPerSession = 1000;

export interface SpdySessionOptions {
  /** Clients open odd stream ids, servers even ones. */
  readonly role: 'client' | 'server';
  /**
   * A stream that the peer opened. It is accepted (SYN_REPLY) after this returns, unless it was destroyed. Absent: the peer may open none.
   * The owner must handle the stream's `error` event.
   */
  readonly onStream?: ((stream: SpdyStream) => void) | undefined;
}

export class SpdySession {
  /** Resolves when the connection is over, with the error that ended it, if any. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  readonly #connection: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #writer = new FrameWriter();
  readonly #streams = new Map<number, SpdyStream>();
  #nextStreamId: number;
  #lastPeerStreamId = 0;
  #peerKeepsWindows = false;
  #peerSaidGoodbye = false;
  #dropped = false;
  #peerInitialWindowBytes = defaultWindowBytes;
  #drainWaiters: (() => void)[] = [];

  constructor(connection: Duplex, options: SpdySessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#nextStreamId = options.role === 'client' ? 1 : 2;
    // Told to the streams and through `closed`; without a listener it would end the process.
    connection.on('error', () => connection.destroy());
    connection.on('drain', () => this.#releaseDrainWaiters());
    connection.on('close', () => {
      this.#releaseDrainWaiters();
      // While a full stream holds back the reading, a broken connection shows nowhere else.
      if (!connection.readableEnded) this.#loseStreams(new Error('SPDY connection was lost'));
    });
    this.closed = this.#run();
  }

  /** Opens a stream. It can be written at once; the peer's refusal arrives as the stream's error. */
  openStream(headers: SpdyHeaders): SpdyStream {
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    const stream = this.#addStream(id, {});
    this.#connection.write(this.#writer.synStream(id, headers));
    return stream;
  }

  /** The answer is not awaited; the use is that writing to a peer that has died makes the connection fail. */
  ping(id: number): void {
    if (this.#connection.writable) this.#connection.write(this.#writer.ping(id));
  }

  /** Says goodbye and ends the connection after everything written so far. */
  close(): void {
    if (this.#connection.writable) this.#connection.end(this.#writer.goaway(this.#lastPeerStreamId));
  }

  /** Drops the connection and its streams at once; to their owners they close without an error. */
  destroy(): void {
    this.#dropped = true;
    this.#connection.destroy();
  }

  async #run(): Promise<Error | undefined> {
    let failure: Error | undefined;
    try {
      const reader = new FrameReader();
      for await (const chunk of this.#connection.iterator({ destroyOnReturn: false })) {
        for (const frame of reader.push(chunk as Buffer)) await this.#handle(frame);
      }
    } catch (error) {
      failure = error as Error;
    }
    if (this.#peerSaidGoodbye && !failure) for (const stream of this.#streams.values()) stream.receiveEnd();
    this.#loseStreams(failure ?? new Error('SPDY connection ended before the stream did'));
    if (failure) this.#connection.destroy();
    else this.#connection.end();
    return failure;
  }

  #loseStreams(cause: Error): void {
    for (const stream of [...this.#streams.values()]) stream.connectionLost(this.#dropped ? undefined : cause);
    this.#streams.clear();
  }

  #handle(frame: Frame): Promise<void> | undefined {
    switch (frame.type) {
      case 'syn-stream':
        this.#accept(frame);
        return undefined;
      case 'data':
        return this.#receiveData(frame);
      case 'syn-reply':
      case 'headers':
        if (frame.fin) this.#streams.get(frame.streamId)?.receiveEnd();
        return undefined;
      case 'rst-stream':
        this.#streams.get(frame.streamId)?.receiveReset(frame.status);
        return undefined;
      case 'ping':
        // Ids of our own parity are answers to our pings (section 2.6.5).
        if (frame.id % 2 !== this.#nextStreamId % 2) this.#connection.write(this.#writer.ping(frame.id));
        return undefined;
      case 'window-update':
        this.#peerKeepsWindows = true;
        this.#streams.get(frame.streamId)?.grant(frame.deltaBytes);
        return undefined;
      case 'settings':
        this.#applySettings(frame.initialWindowBytes);
        return undefined;
      case 'goaway':
        // Open streams go on; the peer closes the connection when it is done, which then ends them in good order.
        this.#peerSaidGoodbye = true;
        return undefined;
    }
  }

  #accept(frame: Extract<Frame, { type: 'syn-stream' }>): void {
    const { streamId } = frame;
    const peerParity = this.#options.role === 'server' ? 1 : 0;
    if (streamId % 2 !== peerParity || streamId <= this.#lastPeerStreamId) {
      throw new Error(`SPDY stream id ${streamId}: not a new id of the peer (last was ${this.#lastPeerStreamId})`);
    }
    this.#lastPeerStreamId = streamId;
    if (!this.#options.onStream || this.#streams.size >= maxStreamsPerSession) {
      this.#connection.write(this.#writer.rstStream(streamId, resetStatus.refusedStream));
      return;
    }
    const stream = this.#addStream(streamId, frame.headers);
    this.#options.onStream(stream);
    if (stream.destroyed) return;
    this.#connection.write(this.#writer.synReply(streamId, {}));
    if (frame.unidirectional) stream.end();
    if (frame.fin) stream.receiveEnd();
  }

  #receiveData(frame: Extract<Frame, { type: 'data' }>): Promise<void> | undefined {
    const stream = this.#streams.get(frame.streamId);
    // Data for a stream that we have reset is still under way for a while.
    if (!stream) return undefined;
    const room = frame.data.length > 0 ? stream.receive(frame.data) : undefined;
    if (frame.fin) stream.receiveEnd();
    return room;
  }

  #applySettings(initialWindowBytes: number | undefined): void {
    this.#peerKeepsWindows = true;
    if (initialWindowBytes === undefined) return;
    const changeBytes = initialWindowBytes - this.#peerInitialWindowBytes;
    this.#peerInitialWindowBytes = initialWindowBytes;
    for (const stream of this.#streams.values()) stream.grant(changeBytes);
  }

  #addStream(id: number, headers: Record<string, string>): SpdyStream {
    const stream = new SpdyStream(id, headers, this.#portOf(id), {
      sendWindowBytes: this.#peerInitialWindowBytes,
      maxBufferBytes: maxStreamBufferBytes,
      creditBytes: defaultWindowBytes / 2,
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #portOf(id: number): StreamPort {
    return {
      peerKeepsWindows: () => this.#peerKeepsWindows,
      sendData: (data, fin, done) => {
        if (!this.#connection.writable) done(new Error('SPDY connection is closed'));
        else if (this.#connection.write(this.#writer.data(id, data, fin))) done();
        else this.#drainWaiters.push(done);
      },
      sendReset: (status) => {
        if (this.#connection.writable) this.#connection.write(this.#writer.rstStream(id, status));
      },
      sendCredit: (bytes) => {
        if (this.#connection.writable) this.#connection.write(this.#writer.windowUpdate(id, bytes));
      },
      remove: () => {
        this.#streams.delete(id);
      },
    };
  }

  #releaseDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const waiter of waiters) waiter();
  }
}
