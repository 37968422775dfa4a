/**
 * The listening side: takes streams of other masters of the same cluster and nobody else's. A caller without a certificate of our CA
 * fails at the TLS handshake, another organization or cluster with PERMISSION_DENIED, another version with FAILED_PRECONDITION;
 * garbage ends its own connection only. Whatever callers do, connections, streams and messages are bounded.
 */
import { crc32 } from 'node:zlib';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  ExchangeRequestSchema,
  ExchangeResponseSchema,
  type Hello,
  type InstallSnapshotRequest,
  InstallSnapshotRequestSchema,
  InstallSnapshotResponseSchema,
} from '../../gen/trimast/raft/v1/raft_pb.ts';
import {
  type Call,
  CallMessages,
  GrpcError,
  type GrpcStatus,
  grpcStatus,
  type LeanLimits,
  LeanServer,
  type Method,
  type PeerIdentity,
} from '../../lib/lean-grpc/index.ts';
import type { ReloadingCertificates } from '../../lib/reloading-certificates.ts';
import type { Message } from '../core/types.ts';
import { storageErrorReason } from '../log-storage.ts';
import { SnapshotPart } from '../snapshot-part.ts';
import type { Log } from '../thread-messages.ts';
import type { RaftPeer } from '../types.ts';
import { decodeBatch, type Received } from './batch-codec.ts';
import { helloTo, keepaliveMs, maxStreamMessageBytes, protocolVersion, type Self } from './channel.ts';
import { IncomingSnapshots } from './incoming-snapshots.ts';
import { messageFromWire } from './message-codec.ts';

/** Two lanes and one snapshot from each of a dozen peers, and as many again that reconnect. */
export const maxConnections = 96;
/** On one connection; a peer needs one. */
export const maxStreamsPerConnection = 8;
/** From a connection, or a stream on it, to the message that says who calls. */
export const helloTimeoutMs = 5_000;
/** Calls that bring a snapshot, or say they will; of these one is taken in at a time. */
export const maxTransfers = 4;

/** What is on its way to this member and not taken, per stream. */
const windowBytes = 8 << 20;

const limits: Partial<LeanLimits> = {
  maxMessageBytes: maxStreamMessageBytes,
  maxConnections,
  maxStreamsPerConnection,
  streamWindowBytes: windowBytes,
  connectionWindowBytes: 2 * windowBytes,
  handshakeTimeoutMs: helloTimeoutMs,
  idleTimeoutMs: helloTimeoutMs,
  keepaliveIntervalMs: keepaliveMs,
  keepaliveTimeoutMs: keepaliveMs,
};

export interface PeerServerOptions {
  readonly self: Self;
  readonly peerOrganization: string;
  readonly certificates: ReloadingCertificates;
  readonly dataDir: string;
  readonly logger: Log;
  /** False: the caller, which knows that configuration, is not a member any more. */
  readonly accepts: (caller: RaftPeer, configurationIndex: number) => boolean;
  readonly onConnected: (from: number) => void;
  /** A stream of that member has ended. */
  readonly onDisconnected: (from: number) => void;
  readonly onReceived: (from: number, received: Received) => void;
}

interface Caller extends RaftPeer {
  readonly configurationIndex: number;
}

class Refusal extends GrpcError {
  constructor(message: string, status: GrpcStatus = grpcStatus.permissionDenied) {
    super(status, message);
  }
}

/** It is told so, and its stream ends. */
class RemovedCaller extends Refusal {
  constructor(id: number) {
    super(`member ${id} is not part of this cluster any more`, grpcStatus.failedPrecondition);
  }
}

const answer = (value: MessageInitShape<typeof ExchangeResponseSchema>['answer']) =>
  toBinary(ExchangeResponseSchema, create(ExchangeResponseSchema, { answer: value! }));
const installAnswer = (value: MessageInitShape<typeof InstallSnapshotResponseSchema>['answer']) =>
  toBinary(InstallSnapshotResponseSchema, create(InstallSnapshotResponseSchema, { answer: value! }));

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server: LeanServer;
  readonly #forgetCertificates: () => void;
  /** How many streams each member has here. */
  readonly #callers = new Map<number, number>();
  /** One for each stream. */
  readonly #rechecks = new Set<() => void>();
  #transfers = 0;
  readonly #incoming = new IncomingSnapshots();

  constructor(options: PeerServerOptions) {
    this.#options = options;
    const { certificates, logger } = options;
    this.#server = new LeanServer({
      methods: new Map<string, Method>([
        ['/trimast.raft.v1.RaftService/Exchange', { kind: 'stream', handle: (call) => this.#exchange(call) }],
        ['/trimast.raft.v1.RaftService/InstallSnapshot', { kind: 'stream', handle: (call) => this.#installed(call) }],
      ]),
      tls: certificates.current,
      limits,
      refuse: (peer) => this.#refuse(peer),
      onFailure: (path, error) => logger.error({ path, reason: String(error) }, 'a call of a peer failed'),
    });
    this.#forgetCertificates = certificates.onChange((pems) => this.#server.setCertificates(pems));
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    return await this.#server.listen(host, port).catch((error: Error) => {
      throw new Error(`cannot listen for peers on ${host} port ${port}: ${error.message}`, { cause: error });
    });
  }

  /** Who may speak has changed: streams of members that were removed end, and they are told why. */
  recheck(): void {
    for (const recheck of this.#rechecks) recheck();
  }

  /** Whether a stream of that member is open. */
  hears(id: number): boolean {
    return (this.#callers.get(id) ?? 0) > 0;
  }

  #count(id: number, change: number): void {
    const count = (this.#callers.get(id) ?? 0) + change;
    if (count > 0) this.#callers.set(id, count);
    else this.#callers.delete(id);
  }

  stop(): void {
    this.#forgetCertificates();
    this.#server.close();
  }

  /** Before anything of a call is read. */
  #refuse({ commonName, organizations }: PeerIdentity): string | undefined {
    const { peerOrganization, logger } = this.#options;
    if (organizations.includes(peerOrganization)) return undefined;
    const reason = `certificate "${commonName}" lacks organization "${peerOrganization}"`;
    logger.warn({ reason }, 'connection of a peer was refused');
    return reason;
  }

  /** Who calls, or why it may not. */
  #authenticate(hello: Hello | undefined): Caller {
    const { self, accepts } = this.#options;
    if (!hello) throw new Refusal('the first message must say who calls');
    if (hello.protocolVersion !== protocolVersion)
      throw new Refusal(
        `member ${self.memberId} speaks version ${protocolVersion} of the protocol between masters, ` +
          `member ${hello.from} version ${hello.protocolVersion}: run the same program on both`,
        grpcStatus.failedPrecondition,
      );
    if (hello.clusterId !== self.clusterId)
      throw new Refusal(`this is a member of cluster "${self.clusterId}", not of "${hello.clusterId}"`);
    if (Number(hello.to) !== self.memberId) throw new Refusal(`this is member ${self.memberId}, not ${hello.to}`);
    const caller = { id: Number(hello.from), name: hello.name, address: hello.address };
    if (caller.id === self.memberId) throw new Refusal(`this is member ${self.memberId} itself`);
    if (!accepts(caller, Number(hello.configurationIndex))) throw new RemovedCaller(caller.id);
    return { ...caller, configurationIndex: Number(hello.configurationIndex) };
  }

  #statusOf(error: Error, otherwise: GrpcStatus): GrpcStatus {
    if (error instanceof Refusal) return error.status;
    const reason = storageErrorReason(error);
    if (reason === 'corrupt') return grpcStatus.dataLoss;
    return reason === 'no-space' ? grpcStatus.resourceExhausted : otherwise;
  }

  #exchange(call: Call): void {
    const { self, accepts, logger, onConnected, onDisconnected, onReceived } = this.#options;
    let caller: Caller | undefined;
    const ended = () => {
      clearTimeout(silent);
      if (!this.#rechecks.delete(recheck) || !caller) return;
      this.#count(caller.id, -1);
      onDisconnected(caller.id);
    };
    const fail = (error: Error) => {
      if (call.ended) return;
      ended();
      if (error instanceof RemovedCaller) {
        const configurationIndex = BigInt(self.configurationIndex);
        call.send(answer({ case: 'removed', value: { configurationIndex } }));
      } else logger.warn({ from: caller?.id, reason: error.message }, 'stream of a peer was refused');
      call.fail(this.#statusOf(error, grpcStatus.invalidArgument), error.message);
    };
    const silent = setTimeout(
      () => fail(new Refusal(`nobody said who calls within ${helloTimeoutMs} ms`, grpcStatus.deadlineExceeded)),
      helloTimeoutMs,
    );
    const recheck = () => {
      if (caller && !accepts(caller, caller.configurationIndex)) fail(new RemovedCaller(caller.id));
    };
    this.#rechecks.add(recheck);
    // A caller that goes away is nothing to report; its own side says why.
    call.onCancel = ended;
    call.onHalfClose = () => {
      ended();
      call.end();
    };
    call.onMessage = (bytes) => {
      try {
        if (caller) {
          const received = decodeBatch(bytes, caller.id, self.memberId);
          if (received) onReceived(caller.id, received);
          return;
        }
        const { message } = fromBinary(ExchangeRequestSchema, bytes);
        caller = this.#authenticate(message.case === 'hello' ? message.value : undefined);
        clearTimeout(silent);
        this.#count(caller.id, 1);
        call.send(answer({ case: 'welcome', value: helloTo(self, caller.id) }));
        onConnected(caller.id);
      } catch (error) {
        fail(error as Error);
      }
    };
  }

  #installed(call: Call): void {
    this.#install(call).then(
      () => call.end(),
      (error: Error) => {
        this.#options.logger.warn({ reason: error.message }, 'snapshot of a peer was not taken');
        call.fail(this.#statusOf(error, grpcStatus.aborted), error.message);
      },
    );
  }

  async #install(call: Call): Promise<void> {
    const requests = new CallMessages(call);
    if (this.#transfers >= maxTransfers)
      throw new Refusal(`${maxTransfers} snapshots come in already`, grpcStatus.resourceExhausted);
    this.#transfers++;
    let part: SnapshotPart | undefined;
    let leave: (() => void) | undefined;
    const silent = setTimeout(() => requests.abort(new Error('nobody said who calls')), helloTimeoutMs);
    try {
      let from = 0;
      let message: Message | undefined;
      for await (const bytes of requests) {
        const { message: received }: InstallSnapshotRequest = fromBinary(InstallSnapshotRequestSchema, bytes);
        if (!part) {
          const header = received.case === 'header' ? received.value : undefined;
          from = this.#authenticate(header?.hello).id;
          clearTimeout(silent);
          message = header?.message && messageFromWire(header.message, from, this.#options.self.memberId);
          if (message?.type !== 'snapshot' || !message.snapshot) throw new Error('the header has no snapshot message');
          const giveUp = () => requests.abort(new Refusal('a newer transfer came in its place', grpcStatus.aborted));
          leave = await this.#incoming.take({ term: message.term, giveUp });
          if (!leave) throw new Refusal('a newer leader sends a snapshot already', grpcStatus.resourceExhausted);
          part = await SnapshotPart.open(this.#options.dataDir, message.snapshot);
          call.send(installAnswer({ case: 'have', value: { offset: BigInt(part.bytes) } }));
        } else if (received.case === 'chunk') {
          const { data, checksum } = received.value;
          if (crc32(data) !== checksum) throw new Error('a chunk fails its checksum');
          await part.write(data);
        } else if (received.case === 'end') {
          const { fileBytes, fileChecksum } = received.value;
          const whole = part;
          part = undefined;
          await whole.finish(Number(fileBytes), fileChecksum);
          this.#options.onReceived(from, { messages: [message!], forwards: [], refusals: [] });
          call.send(installAnswer({ case: 'installed', value: {} }));
          return;
        }
      }
      throw new Error('the transfer was broken off');
    } finally {
      clearTimeout(silent);
      this.#transfers--;
      await part?.close();
      leave?.();
    }
  }
}
