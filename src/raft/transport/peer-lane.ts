/**
 * One stream to one peer, opened again whenever it breaks, and a bounded queue in front of it.
 *
 * What accumulates in one turn of the event loop leaves as one stream message. When the stream is not open or does not drain,
 * messages are dropped beyond the limit: Raft repeats what matters. A forward that was not written is reported as refused.
 */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ExchangeRequestSchema, ExchangeResponseSchema } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { ClientStream, type ClientTls } from '../../lib/lean-grpc/index.ts';
import type { Message } from '../core/types.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import type { Log } from '../thread-messages.ts';
import type { RaftPeer } from '../types.ts';
import { encodeBatch } from './batch-codec.ts';
import { helloTo, type Self } from './channel.ts';

const initialBackoffMs = 20;
const maxBackoffMs = 500;
/** A stream that was open for this long is opened again at once. */
const steadyMs = 500;
/** A peer that says that this member was removed is asked again after this long: it may be mistaken. */
const removedBackoffMs = 5_000;
/**
 * From dialing to the peer's Welcome, the first time and at most. It grows when nobody answers: on an overloaded machine attempts that are
 * given up too early only make more handshakes.
 */
const connectTimeoutMs = 1_500;
const maxConnectTimeoutMs = 4_000;
const maxQueueBytes = 32 << 20;
/** A stream message is closed when it has this much. */
const batchBytes = 2 << 20;

export interface LaneItem {
  readonly message?: Message;
  readonly forward?: Forward;
  readonly refusal?: ForwardRefusal;
}

type Batch = { bytes: number; messages: Message[]; forwards: Forward[]; refusals: ForwardRefusal[] };

export interface PeerLaneOptions {
  readonly self: Self;
  readonly peer: RaftPeer;
  readonly lane: 'urgent' | 'bulk';
  /** As the certificates are now. */
  readonly tls: () => ClientTls;
  readonly logger: Log;
  /** The stream broke: what was written last may be lost. */
  readonly onLost: () => void;
  /** {@link PeerLane.refused} has become true. */
  readonly onRefused: () => void;
  /** A queued forward was dropped before it was written. */
  readonly onDropped: (forward: Forward) => void;
  readonly onRemoved: (configurationIndex: number) => void;
}

export class PeerLane {
  readonly #options: PeerLaneOptions;
  #stream: ClientStream | undefined;
  #open = false;
  #stopped = false;
  #backoffMs = initialBackoffMs;
  #connectTimeoutMs = connectTimeoutMs;
  #timer: NodeJS.Timeout | undefined;
  #queue: Batch[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  #loggedDown = '';
  #refused = false;
  #openedMs = 0;

  constructor(options: PeerLaneOptions) {
    this.#options = options;
    this.#connect();
  }

  /** False: certainly not sent. */
  send({ message, forward, refusal }: LaneItem, bytes: number): boolean {
    const batch = this.#enqueue(bytes);
    if (!batch) return false;
    if (message) batch.messages.push(message);
    if (forward) batch.forwards.push(forward);
    if (refusal) batch.refusals.push(refusal);
    return true;
  }

  /** The stream is not open, and the last attempt found nobody listening. */
  get refused(): boolean {
    return this.#refused;
  }

  /** By itself at the end of the turn. */
  flush(): void {
    if (this.#queue.length > 0) this.#flush();
  }

  /** More waits than the peer takes. */
  get busy(): boolean {
    return this.#stream?.writable === false || this.#queuedBytes > batchBytes;
  }

  /** The peer has just shown that it is up: try at once. */
  wake(): void {
    if (this.#stopped || this.#stream) return;
    this.#backoffMs = initialBackoffMs;
    clearTimeout(this.#timer);
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#teardown();
  }

  #enqueue(bytes: number): Batch | undefined {
    if (!this.#open || this.#queuedBytes + bytes > maxQueueBytes) return undefined;
    let batch = this.#queue.at(-1);
    if (!batch || batch.bytes + bytes > batchBytes) {
      batch = { bytes: 0, messages: [], forwards: [], refusals: [] };
      this.#queue.push(batch);
    }
    batch.bytes += bytes;
    this.#queuedBytes += bytes;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
    return batch;
  }

  #flush(): void {
    const stream = this.#stream;
    if (!stream || !this.#open) return;
    while (stream.writable && this.#queue.length > 0) {
      const batch = this.#queue.shift()!;
      this.#queuedBytes -= batch.bytes;
      stream.write(encodeBatch(batch));
    }
    stream.flush();
  }

  #connect(): void {
    const { peer, tls, self } = this.#options;
    const stream: ClientStream = new ClientStream({
      address: peer.address,
      path: '/trimast.raft.v1.RaftService/Exchange',
      tls: tls(),
      onMessage: (bytes) => {
        if (this.#stream === stream) this.#answered(bytes);
      },
      onDrain: () => {
        if (this.#stream === stream) this.#flush();
      },
      onEnd: (error) => {
        if (this.#stream === stream) this.#lost(error);
      },
    });
    this.#stream = stream;
    this.#timer = setTimeout(() => {
      this.#connectTimeoutMs = Math.min(maxConnectTimeoutMs, this.#connectTimeoutMs * 2);
      this.#lost(new Error('no answer'));
    }, this.#connectTimeoutMs);
    const hello = create(ExchangeRequestSchema, { message: { case: 'hello', value: helloTo(self, peer.id) } });
    stream.write(toBinary(ExchangeRequestSchema, hello));
  }

  #answered(bytes: Uint8Array): void {
    const { peer, self, lane, logger, onRemoved } = this.#options;
    const { answer } = fromBinary(ExchangeResponseSchema, bytes);
    if (answer.case === 'removed') {
      this.#backoffMs = removedBackoffMs;
      this.#lost(new Error('the peer says that this member was removed'));
      onRemoved(Number(answer.value.configurationIndex));
      return;
    }
    if (answer.case !== 'welcome' || this.#open) return;
    const { clusterId, from } = answer.value;
    if (clusterId !== self.clusterId || Number(from) !== peer.id) {
      this.#lost(new Error(`member ${from} of cluster "${clusterId}" answers instead of member ${peer.id}`));
      return;
    }
    clearTimeout(this.#timer);
    this.#open = true;
    this.#openedMs = performance.now();
    this.#refused = false;
    this.#loggedDown = '';
    this.#backoffMs = initialBackoffMs;
    this.#connectTimeoutMs = connectTimeoutMs;
    if (lane === 'bulk') logger.info({ peer: peer.name, address: peer.address }, 'stream to peer is open');
  }

  #lost(error: Error): void {
    const { peer, lane, logger } = this.#options;
    clearTimeout(this.#timer);
    // Both lanes fail alike; and what is wrong may change while it stays down.
    if (lane === 'bulk' && this.#loggedDown !== error.message)
      logger.warn(
        { peer: peer.name, address: peer.address, lane, reason: error.message },
        'no stream to peer, will keep trying',
      );
    this.#loggedDown = error.message;
    const lasted = this.#open && performance.now() - this.#openedMs >= steadyMs;
    this.#teardown();
    if (this.#stopped) return;
    // Whether anybody is still there is known from the next attempt, so that one does not wait.
    if (lasted) this.#connect();
    else this.#retry();
    const refused = error.cause !== undefined && (error.cause as { code?: string }).code === 'ECONNREFUSED';
    const news = refused && !this.#refused;
    this.#refused = refused;
    if (news) this.#options.onRefused();
  }

  #teardown(): void {
    const [stream, wasOpen, dropped] = [this.#stream, this.#open, this.#queue];
    this.#stream = undefined;
    this.#open = false;
    this.#queue = [];
    this.#queuedBytes = 0;
    stream?.close();
    for (const { forwards } of dropped) for (const forward of forwards) this.#options.onDropped(forward);
    if (wasOpen) this.#options.onLost();
  }

  #retry(): void {
    this.#timer = setTimeout(() => this.#connect(), this.#backoffMs);
    this.#backoffMs = Math.max(this.#backoffMs, Math.min(maxBackoffMs, this.#backoffMs * 2));
  }
}
