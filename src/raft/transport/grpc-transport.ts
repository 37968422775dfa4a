/** The network of a member: a server for the peers' streams and one link to each peer. */
import type * as grpc from '@grpc/grpc-js';
import type { Message } from '../core/types.ts';
import type { Forward, ForwardRefusal, PeerSet, Transport } from '../node.ts';
import type { Log } from '../thread-messages.ts';
import type { RaftPeer } from '../types.ts';
import { type PeerTls, peerCredentials } from './channel.ts';
import { PeerLink } from './peer-link.ts';
import { PeerServer, type Received } from './peer-server.ts';
import { sendSnapshot } from './snapshot-sender.ts';

export interface GrpcTransportOptions {
  readonly clusterId: string;
  readonly memberId: number;
  readonly tls: PeerTls;
  readonly dataDir: string;
  readonly logger: Log;
  readonly onReceived: (from: number, received: Received) => void;
  readonly onPeerLost: (id: number) => void;
}

export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #server: PeerServer;
  readonly #links = new Map<number, PeerLink>();
  readonly #peers = new Map<number, RaftPeer>();
  readonly #stop = new AbortController();

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    this.#credentials = peerCredentials(options.tls);
    this.#server = new PeerServer({
      ...options,
      isPeer: (id) => this.#peers.has(id),
      onConnected: (from) => this.#links.get(from)?.wake(),
    });
  }

  async start(host: string, port: number): Promise<number> {
    return await this.#server.listen(host, port);
  }

  setPeers({ peers }: PeerSet): void {
    for (const [id, known] of this.#peers) {
      if (peers.some((peer) => peer.id === id && peer.address === known.address)) continue;
      this.#peers.delete(id);
      this.#links.get(id)?.stop();
      this.#links.delete(id);
    }
    for (const peer of peers) if (!this.#peers.has(peer.id)) this.#connect(peer);
  }

  #connect(peer: RaftPeer): void {
    const { clusterId, memberId, logger, onPeerLost, onReceived } = this.#options;
    this.#peers.set(peer.id, peer);
    const link = new PeerLink({
      clusterId,
      memberId,
      peer,
      credentials: this.#credentials,
      logger,
      onLost: () => onPeerLost(peer.id),
      onDropped: ({ origin, attempt }) =>
        onReceived(peer.id, { messages: [], forwards: [], refusals: [{ reason: 'not-leader', origin, attempt }] }),
    });
    this.#links.set(peer.id, link);
  }

  send(to: number, messages: readonly Message[]): void {
    this.#links.get(to)?.send(messages);
  }

  forward(to: number, forward: Forward): boolean {
    return this.#links.get(to)?.forward(forward) ?? false;
  }

  refuse(to: number, refusal: ForwardRefusal): void {
    this.#links.get(to)?.refuse(refusal);
  }

  sendSnapshot(to: number, message: Message, done: (ok: boolean) => void): void {
    const { clusterId, memberId, dataDir, logger } = this.#options;
    const peer = this.#peers.get(to);
    if (!peer) {
      done(false);
      return;
    }
    const credentials = this.#credentials;
    const signal = this.#stop.signal;
    const transfer = sendSnapshot({ clusterId, memberId, peer, credentials, dataDir, message, signal });
    const context = { peer: peer.name, index: message.snapshot?.index };
    transfer.then(
      () => {
        logger.info(context, 'snapshot was sent');
        done(true);
      },
      (error: Error) => {
        logger.warn({ ...context, reason: error.message }, 'snapshot could not be sent');
        done(false);
      },
    );
  }

  stop(): void {
    this.#stop.abort();
    for (const link of this.#links.values()) link.stop();
    this.#server.stop();
  }
}
