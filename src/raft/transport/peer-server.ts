/**
 * The listening side: takes streams of other masters of the same cluster and nobody else's. A caller without a certificate of our CA
 * fails at the TLS handshake, another organization or cluster with PERMISSION_DENIED, another version with FAILED_PRECONDITION;
 * garbage ends its own connection only. Whatever callers do, connections, streams and messages are bounded.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import {
  type Batch,
  ForwardRefusal_Reason,
  type Hello,
  type InstallSnapshotRequest,
  RaftService,
} from '../../gen/trimast/raft/v1/raft_pb.ts';
import { addService, peerSubject } from '../../lib/grpc.ts';
import { type ReloadingCertificates, reloadingServerCredentials } from '../../lib/reloading-certificates.ts';
import type { Message } from '../core/types.ts';
import { decodePack } from '../entry-codec.ts';
import { storageErrorReason } from '../log-storage.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import { SnapshotPart } from '../snapshot-part.ts';
import type { Log } from '../thread-messages.ts';
import type { RaftPeer } from '../types.ts';
import { helloTo, keepaliveOptions, protocolVersion, type Self } from './channel.ts';
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

export interface Received {
  readonly messages: readonly Message[];
  readonly forwards: readonly Forward[];
  readonly refusals: readonly ForwardRefusal[];
}

export interface PeerServerOptions {
  readonly self: Self;
  readonly peerOrganization: string;
  readonly certificates: ReloadingCertificates;
  readonly dataDir: string;
  readonly logger: Log;
  /** False: the caller, which knows that configuration, is not a member any more. */
  readonly accepts: (caller: RaftPeer, configurationIndex: number) => boolean;
  readonly onConnected: (from: number) => void;
  readonly onReceived: (from: number, received: Received) => void;
}

interface Caller extends RaftPeer {
  readonly configurationIndex: number;
}

class Refusal extends Error {
  readonly code: grpc.status;

  constructor(message: string, code = grpc.status.PERMISSION_DENIED) {
    super(message);
    this.code = code;
  }
}

/** It is told so, and its stream ends. */
class RemovedCaller extends Refusal {
  constructor(id: number) {
    super(`member ${id} is not part of this cluster any more`, grpc.status.FAILED_PRECONDITION);
  }
}

type ExchangeCall = Parameters<Parameters<typeof addService<typeof RaftService>>[2]['exchange']>[0];
type InstallCall = Parameters<Parameters<typeof addService<typeof RaftService>>[2]['installSnapshot']>[0];

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server = new grpc.Server({
    ...keepaliveOptions,
    'grpc.max_concurrent_streams': maxStreamsPerConnection,
  });
  #listener: Server | undefined;
  /** Connections on which nobody has said who calls, by remote address and port. */
  readonly #strangers = new Map<string, NodeJS.Timeout>();
  /** One for each stream. */
  readonly #rechecks = new Set<() => void>();
  #transfers = 0;
  readonly #incoming = new IncomingSnapshots();

  constructor(options: PeerServerOptions) {
    this.#options = options;
    addService(this.#server, RaftService, {
      exchange: (call) => this.#exchange(call),
      installSnapshot: (call) => {
        this.#install(call).then(
          () => call.end(),
          (error: Error) => {
            this.#options.logger.warn({ reason: error.message }, 'snapshot of a peer was not taken');
            call.emit('error', { code: this.#codeOf(error, grpc.status.ABORTED), details: error.message });
          },
        );
      },
    });
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    const credentials = reloadingServerCredentials(this.#options.certificates);
    const injector = this.#server.createConnectionInjector(credentials);
    // A listener of our own, for the limits that grpc-js does not have.
    const listener = createServer({ noDelay: true }, (socket) => {
      this.#watchStranger(socket);
      injector.injectConnection(socket);
    });
    listener.maxConnections = maxConnections;
    this.#listener = listener;
    return await new Promise((resolve, reject) => {
      listener.once('error', (error) =>
        reject(new Error(`cannot listen for peers on ${host} port ${port}: ${error.message}`, { cause: error })),
      );
      listener.listen(port, host, () => resolve((listener.address() as { port: number }).port));
    });
  }

  /** Who may speak has changed: streams of members that were removed end, and they are told why. */
  recheck(): void {
    for (const recheck of this.#rechecks) recheck();
  }

  stop(): void {
    this.#listener?.close();
    for (const timer of this.#strangers.values()) clearTimeout(timer);
    this.#strangers.clear();
    this.#server.forceShutdown();
  }

  #watchStranger(socket: Socket): void {
    // Garbage ends its own connection; there is nobody to tell.
    socket.on('error', () => socket.destroy());
    const name = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#strangers.set(
      name,
      setTimeout(() => socket.destroy(), helloTimeoutMs),
    );
    socket.once('close', () => this.#known(name));
  }

  #known(name: string): void {
    clearTimeout(this.#strangers.get(name));
    this.#strangers.delete(name);
  }

  /** Before anything of the call is read. */
  #checkOrganization(call: Parameters<typeof peerSubject>[0]): void {
    const { peerOrganization } = this.#options;
    const { commonName, organizations } = peerSubject(call);
    if (!organizations.includes(peerOrganization))
      throw new Refusal(`certificate "${commonName}" lacks organization "${peerOrganization}"`);
  }

  /** Who calls, or why it may not. */
  #authenticate(call: { getPeer(): string }, hello: Hello | undefined): Caller {
    const { self, accepts } = this.#options;
    if (!hello) throw new Refusal('the first message must say who calls');
    if (hello.protocolVersion !== protocolVersion)
      throw new Refusal(
        `member ${self.memberId} speaks version ${protocolVersion} of the protocol between masters, ` +
          `member ${hello.from} version ${hello.protocolVersion}: run the same program on both`,
        grpc.status.FAILED_PRECONDITION,
      );
    if (hello.clusterId !== self.clusterId)
      throw new Refusal(`this is a member of cluster "${self.clusterId}", not of "${hello.clusterId}"`);
    if (Number(hello.to) !== self.memberId) throw new Refusal(`this is member ${self.memberId}, not ${hello.to}`);
    const caller = { id: Number(hello.from), name: hello.name, address: hello.address };
    if (caller.id === self.memberId) throw new Refusal(`this is member ${self.memberId} itself`);
    if (!accepts(caller, Number(hello.configurationIndex))) throw new RemovedCaller(caller.id);
    this.#known(call.getPeer());
    return { ...caller, configurationIndex: Number(hello.configurationIndex) };
  }

  #codeOf(error: Error, otherwise: grpc.status): grpc.status {
    if (error instanceof Refusal) return error.code;
    const reason = storageErrorReason(error);
    if (reason === 'corrupt') return grpc.status.DATA_LOSS;
    return reason === 'no-space' ? grpc.status.RESOURCE_EXHAUSTED : otherwise;
  }

  #exchange(call: ExchangeCall): void {
    let caller: Caller | undefined;
    let refused = false;
    const fail = (error: Error) => {
      if (refused) return;
      refused = true;
      clearTimeout(silent);
      if (error instanceof RemovedCaller) {
        const configurationIndex = BigInt(this.#options.self.configurationIndex);
        call.write({ answer: { case: 'removed', value: { configurationIndex } } });
      } else this.#options.logger.warn({ from: caller?.id, reason: error.message }, 'stream of a peer was refused');
      call.emit('error', { code: this.#codeOf(error, grpc.status.INVALID_ARGUMENT), details: error.message });
    };
    const silent = setTimeout(
      () => fail(new Refusal(`nobody said who calls within ${helloTimeoutMs} ms`, grpc.status.DEADLINE_EXCEEDED)),
      helloTimeoutMs,
    );
    const recheck = () => {
      if (caller && !this.#options.accepts(caller, caller.configurationIndex)) fail(new RemovedCaller(caller.id));
    };
    const ended = () => {
      clearTimeout(silent);
      this.#rechecks.delete(recheck);
    };
    this.#rechecks.add(recheck);
    // A caller that goes away is nothing to report; its own side says why.
    call.on('error', () => call.end());
    call.on('end', () => call.end());
    call.on('close', ended);
    call.on('cancelled', ended);
    call.on('data', ({ message }) => {
      if (refused) return;
      try {
        if (!caller) {
          caller = this.#authenticate(call, message.case === 'hello' ? message.value : undefined);
          clearTimeout(silent);
          call.write({ answer: { case: 'welcome', value: helloTo(this.#options.self, caller.id) } });
          this.#options.onConnected(caller.id);
        } else if (message.case === 'batch') {
          this.#options.onReceived(caller.id, this.#decode(message.value, caller.id));
        }
      } catch (error) {
        fail(error as Error);
      }
    });
    try {
      this.#checkOrganization(call);
    } catch (error) {
      fail(error as Error);
    }
  }

  #decode(batch: Batch, from: number): Received {
    const messages: Message[] = [];
    for (const wire of batch.messages) {
      const message = messageFromWire(wire, from, this.#options.self.memberId);
      // A snapshot message counts only behind its content.
      if (message && message.type !== 'snapshot') messages.push(message);
    }
    return {
      messages,
      forwards: batch.forwards.map(({ term, origin, attempt, proposals }) => ({
        origin: Number(origin),
        term: Number(term),
        attempt: Number(attempt),
        proposals: decodePack(proposals),
      })),
      refusals: batch.refusals.map(({ reason, origin, attempt, message }) => ({
        origin: Number(origin),
        reason: reasons.get(reason) ?? 'not-leader',
        attempt: Number(attempt),
        message: message === '' ? undefined : message,
      })),
    };
  }

  async #install(call: InstallCall): Promise<void> {
    this.#checkOrganization(call);
    if (this.#transfers >= maxTransfers)
      throw new Refusal(`${maxTransfers} snapshots come in already`, grpc.status.RESOURCE_EXHAUSTED);
    this.#transfers++;
    let part: SnapshotPart | undefined;
    let leave: (() => void) | undefined;
    const silent = setTimeout(() => call.destroy(new Error('nobody said who calls')), helloTimeoutMs);
    try {
      let from = 0;
      let message: Message | undefined;
      // The stream must outlive the loop: it still has to carry the reason.
      const requests = call.iterator({ destroyOnReturn: false }) as AsyncIterable<InstallSnapshotRequest>;
      for await (const { message: received } of requests) {
        if (!part) {
          const header = received.case === 'header' ? received.value : undefined;
          from = this.#authenticate(call, header?.hello).id;
          clearTimeout(silent);
          message = header?.message && messageFromWire(header.message, from, this.#options.self.memberId);
          if (message?.type !== 'snapshot' || !message.snapshot) throw new Error('the header has no snapshot message');
          const details = 'a newer transfer came in its place';
          const giveUp = () => void call.emit('error', { code: grpc.status.ABORTED, details });
          leave = await this.#incoming.take({ term: message.term, giveUp });
          if (!leave) throw new Refusal('a newer leader sends a snapshot already', grpc.status.RESOURCE_EXHAUSTED);
          part = await SnapshotPart.open(this.#options.dataDir, message.snapshot, from);
          call.write({ answer: { case: 'have', value: { offset: BigInt(part.bytes) } } });
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
          call.write({ answer: { case: 'installed', value: {} } });
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

const reasons = new Map<ForwardRefusal_Reason, ForwardRefusal['reason']>([
  [ForwardRefusal_Reason.NOT_LEADER, 'not-leader'],
  [ForwardRefusal_Reason.OVERLOADED, 'overloaded'],
  [ForwardRefusal_Reason.REFUSED, 'refused'],
]);
