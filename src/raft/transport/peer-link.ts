/**
 * This member's way to one peer: two lanes, each with a connection of its own. Entries and proposals may fill every buffer on the way to
 * a peer that does not read; what is small and keeps the cluster alive (heartbeats, votes, acknowledgements) never waits behind them.
 * Raft allows the lanes to overtake each other; appends stay in order among themselves.
 */
import type { ClientTls } from '../../lib/lean-grpc/index.ts';
import type { Message } from '../core/types.ts';
import { encodedBytes } from '../entry-codec.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import type { Log } from '../thread-messages.ts';
import type { RaftPeer } from '../types.ts';
import type { Self } from './channel.ts';
import { PeerLane } from './peer-lane.ts';

/** What a message without entries takes, about. */
const messageBytes = 64;

export interface PeerLinkOptions {
  readonly self: Self;
  readonly peer: RaftPeer;
  readonly tls: () => ClientTls;
  readonly logger: Log;
  /** A stream broke: what was written last may be lost. */
  readonly onLost: () => void;
  /** {@link PeerLink.refused} has become true. */
  readonly onRefused: () => void;
  /** A queued forward was dropped before it was written. */
  readonly onDropped: (forward: Forward) => void;
  readonly onRemoved: (configurationIndex: number) => void;
}

export class PeerLink {
  readonly peer: RaftPeer;
  readonly #stop = new AbortController();
  readonly #urgent: PeerLane;
  readonly #bulk: PeerLane;

  constructor(options: PeerLinkOptions) {
    this.peer = options.peer;
    this.#urgent = new PeerLane({ ...options, lane: 'urgent' });
    this.#bulk = new PeerLane({ ...options, lane: 'bulk' });
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      let bytes = messageBytes;
      for (const entry of message.entries) bytes += encodedBytes(entry);
      (message.type === 'append' ? this.#bulk : this.#urgent).send({ message }, bytes);
    }
  }

  /** Writes what was sent to the network. */
  flush(): void {
    this.#bulk.flush();
    this.#urgent.flush();
  }

  /** False: certainly not sent. */
  forward(forward: Forward): boolean {
    let bytes = messageBytes;
    for (const proposal of forward.proposals) bytes += encodedBytes(proposal);
    return this.#bulk.send({ forward }, bytes);
  }

  refuse(refusal: ForwardRefusal): void {
    this.#urgent.send({ refusal }, messageBytes);
  }

  /** More entries wait than the peer takes. */
  get busy(): boolean {
    return this.#bulk.busy;
  }

  /** No stream to the peer is open, and the last attempt found nobody listening. */
  get refused(): boolean {
    return this.#urgent.refused && this.#bulk.refused;
  }

  /** The peer has just shown that it is up: try at once. */
  wake(): void {
    this.#urgent.wake();
    this.#bulk.wake();
  }

  /** Aborted when the link is not used any more. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
    this.#urgent.stop();
    this.#bulk.stop();
  }
}
