/**
 * The network of a member: a server for the peers' streams and a link to each peer. Peers come, go and move at run time; a caller that
 * this member does not know yet, because its configuration is newer than ours, is a guest and answered where it says it is.
 */
import type { PeerCertificate } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import type { ClientTls } from '../../lib/lean-grpc/index.ts';
import { ReloadingCertificates } from '../../lib/reloading-certificates.ts';
import type { Message, SnapshotMeta } from '../core/types.ts';
import { storageErrorReason } from '../log-storage.ts';
import type { Forward, ForwardRefusal, PeerSet, Transport } from '../node.ts';
import { snapshotPath, verifySnapshot } from '../snapshot-file.ts';
import type { Log } from '../thread-messages.ts';
import { defaultSnapshotBytesPerSecond, type RaftPeer } from '../types.ts';
import type { Received } from './batch-codec.ts';
import { type PeerTls, peerCredentials, type Self, wrongOrganization } from './channel.ts';
import { PeerLink } from './peer-link.ts';
import { PeerServer } from './peer-server.ts';
import { sendSnapshot } from './snapshot-sender.ts';

/** Callers that are in no configuration that this member knows; the oldest makes room. */
export const maxGuests = 8;

export interface GrpcTransportOptions {
  readonly clusterId: string;
  readonly memberId: number;
  /** This member's name and address, told to peers that do not know it yet. */
  readonly self: Pick<RaftPeer, 'name' | 'address'>;
  readonly tls: PeerTls;
  readonly dataDir: string;
  readonly logger: Log;
  /** Default {@link defaultSnapshotBytesPerSecond}; a quarter of it while entries for the same peer wait. */
  readonly snapshotBytesPerSecond?: number | undefined;
  readonly onReceived: (from: number, received: Received) => void;
  readonly onPeerLost: (id: number) => void;
  /** None of its streams is open, and nobody listens at its address: its process has ended, most likely. */
  readonly onPeerGone: (id: number) => void;
  /** A peer says that this member is not part of the cluster any more, since that log index. */
  readonly onRemoved: (configurationIndex: number) => void;
  /** A snapshot file of this member is damaged: a StorageError. */
  readonly onCorrupt: (error: Error) => void;
}

export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #self: Self;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #tls: () => ClientTls;
  readonly #server: PeerServer;
  #peers: readonly RaftPeer[] = [];
  readonly #links = new Map<number, PeerLink>();
  readonly #guests = new Map<number, RaftPeer>();
  readonly #stop = new AbortController();
  #started = false;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    const { clusterId, memberId, self, tls, logger } = options;
    const certificates = new ReloadingCertificates(tls, (problem) => logger.warn({ problem }, 'peer certificates'));
    this.#credentials = peerCredentials(certificates, tls.peerOrganization);
    const checkServer = (certificate: PeerCertificate) => wrongOrganization(certificate, tls.peerOrganization);
    this.#tls = () => ({ ...certificates.current, checkServer });
    this.#self = { clusterId, memberId, name: self.name, address: self.address, configurationIndex: 0 };
    this.#server = new PeerServer({
      self: this.#self,
      peerOrganization: tls.peerOrganization,
      certificates,
      dataDir: options.dataDir,
      logger,
      accepts: (caller, configurationIndex) => this.#accepts(caller, configurationIndex),
      onConnected: (from) => this.#links.get(from)?.wake(),
      onDisconnected: (from) => this.#checkGone(from),
      onReceived: options.onReceived,
    });
  }

  async start(host: string, port: number): Promise<number> {
    const bound = await this.#server.listen(host, port);
    this.#started = true;
    this.#connect();
    return bound;
  }

  setPeers({ peers, configurationIndex }: PeerSet): void {
    this.#self.configurationIndex = configurationIndex;
    this.#peers = peers;
    for (const { id } of peers) this.#guests.delete(id);
    this.#connect();
    this.#server.recheck();
  }

  send(to: number, messages: readonly Message[]): void {
    this.#links.get(to)?.send(messages);
  }

  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  forward(to: number, forward: Forward): boolean {
    return this.#links.get(to)?.forward(forward) ?? false;
  }

  refuse(to: number, refusal: ForwardRefusal): void {
    this.#links.get(to)?.refuse(refusal);
  }

  sendSnapshot(to: number, message: Message, done: (ok: boolean) => void): void {
    const { dataDir, logger, snapshotBytesPerSecond = defaultSnapshotBytesPerSecond } = this.#options;
    const link = this.#links.get(to);
    if (!link) {
      done(false);
      return;
    }
    const transfer = sendSnapshot({
      self: this.#self,
      peer: link.peer,
      credentials: this.#credentials,
      dataDir,
      message,
      bytesPerSecond: snapshotBytesPerSecond,
      isBusy: () => this.#links.get(to)?.busy ?? false,
      signal: AbortSignal.any([this.#stop.signal, link.signal]),
    });
    const context = { peer: link.peer.name, index: message.snapshot?.index };
    transfer.then(
      (bytes) => {
        logger.info({ ...context, bytes }, 'snapshot was sent');
        done(true);
      },
      (error: Error) => {
        logger.warn({ ...context, reason: error.message }, 'snapshot could not be sent');
        done(false);
        if ((error as { code?: grpc.status }).code === grpc.status.DATA_LOSS) this.#verifyOwn(message.snapshot!);
      },
    );
  }

  stop(): void {
    this.#stop.abort();
    for (const link of this.#links.values()) link.stop();
    this.#server.stop();
  }

  /** The peer says that the file is damaged: see whether it is so here. */
  #verifyOwn(snapshot: SnapshotMeta): void {
    const { dataDir, onCorrupt } = this.#options;
    verifySnapshot(snapshotPath(dataDir, snapshot), snapshot).catch((error: Error) => {
      if (storageErrorReason(error) === 'corrupt') onCorrupt(error);
    });
  }

  #accepts(caller: RaftPeer, configurationIndex: number): boolean {
    if (this.#peers.some(({ id }) => id === caller.id)) return true;
    // Of two that do not know each other, the one with the newer configuration is right. One that knows none has come to join.
    if (configurationIndex > 0 && configurationIndex < this.#self.configurationIndex) return false;
    if (this.#guests.get(caller.id)?.address === caller.address) return true;
    this.#guests.delete(caller.id);
    if (this.#guests.size >= maxGuests) this.#guests.delete(this.#guests.keys().next().value!);
    this.#guests.set(caller.id, caller);
    this.#connect();
    return true;
  }

  /** A connection alone may break for many reasons; together with a refused one it means that the process is not there. */
  #checkGone(id: number): void {
    if (this.#links.get(id)?.refused && !this.#server.hears(id)) this.#options.onPeerGone(id);
  }

  /** Makes the links what peers and guests say. */
  #connect(): void {
    if (!this.#started) return;
    const wanted = new Map([...this.#guests.values(), ...this.#peers].map((peer) => [peer.id, peer]));
    for (const [id, link] of this.#links) {
      const peer = wanted.get(id);
      if (peer?.address === link.peer.address) continue;
      this.#links.delete(id);
      link.stop();
      if (!peer) this.#options.logger.info({ peer: link.peer.name }, 'peer is not part of the configuration any more');
    }
    for (const peer of wanted.values()) if (!this.#links.has(peer.id)) this.#links.set(peer.id, this.#link(peer));
  }

  #link(peer: RaftPeer): PeerLink {
    const { logger, onPeerLost, onReceived, onRemoved } = this.#options;
    return new PeerLink({
      self: this.#self,
      peer,
      tls: this.#tls,
      logger,
      onLost: () => onPeerLost(peer.id),
      onRefused: () => this.#checkGone(peer.id),
      onDropped: ({ origin, attempt }) =>
        onReceived(peer.id, { messages: [], forwards: [], refusals: [{ reason: 'not-leader', origin, attempt }] }),
      onRemoved,
    });
  }
}
