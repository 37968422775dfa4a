/**
 * The listening side: takes streams of other masters of the same cluster and nobody else's. A caller without a certificate of our CA
 * fails at the TLS handshake, another organization or cluster with PERMISSION_DENIED; garbage ends its own connection only.
 */
import { crc32 } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import {
  type Batch,
  ForwardRefusal_Reason,
  type Hello,
  type InstallSnapshotRequest,
  RaftService,
} from '../../gen/trimast/raft/v1/raft_pb.ts';
import { addService, peerSubject, serverCredentials } from '../../lib/grpc.ts';
import type { Message } from '../core/types.ts';
import { decodePack } from '../entry-codec.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import { SnapshotWriter } from '../snapshot-file.ts';
import type { Log } from '../thread-messages.ts';
import { keepaliveOptions, type PeerTls } from './channel.ts';
import { messageFromWire } from './message-codec.ts';

export interface Received {
  readonly messages: readonly Message[];
  readonly forwards: readonly Forward[];
  readonly refusals: readonly ForwardRefusal[];
}

export interface PeerServerOptions {
  readonly clusterId: string;
  readonly memberId: number;
  readonly isPeer: (id: number) => boolean;
  readonly tls: PeerTls;
  readonly dataDir: string;
  readonly logger: Log;
  readonly onConnected: (from: number) => void;
  readonly onReceived: (from: number, received: Received) => void;
}

const refusalReasons = new Map<ForwardRefusal_Reason, ForwardRefusal['reason']>([
  [ForwardRefusal_Reason.OVERLOADED, 'overloaded'],
  [ForwardRefusal_Reason.REFUSED, 'refused'],
]);

class Refusal extends Error {
  readonly code = grpc.status.PERMISSION_DENIED;
}

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server = new grpc.Server(keepaliveOptions);
  #transfers = 0;

  constructor(options: PeerServerOptions) {
    this.#options = options;
    addService(this.#server, RaftService, {
      exchange: (call) => this.#exchange(call),
      installSnapshot: (call, callback) => {
        this.#install(call).then(
          () => callback(null, {}),
          (error: Error) => {
            this.#options.logger.warn({ reason: error.message }, 'snapshot of a peer was not taken');
            callback({ code: error instanceof Refusal ? error.code : grpc.status.ABORTED, details: error.message });
          },
        );
      },
    });
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return await new Promise((resolve, reject) => {
      this.#server.bindAsync(address, serverCredentials(this.#options.tls), (error, bound) => {
        if (error) reject(new Error(`cannot listen for peers on ${address}: ${error.message}`, { cause: error }));
        else resolve(bound);
      });
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** Who calls, or why it may not. */
  #authenticate(call: Parameters<typeof peerSubject>[0], hello: Hello | undefined): number {
    const { clusterId, memberId, isPeer, tls } = this.#options;
    const { commonName, organizations } = peerSubject(call);
    if (!organizations.includes(tls.peerOrganization))
      throw new Refusal(`certificate "${commonName}" lacks organization "${tls.peerOrganization}"`);
    if (!hello) throw new Refusal('the first message must say who calls');
    if (hello.clusterId !== clusterId)
      throw new Refusal(`this is a member of cluster "${clusterId}", not of "${hello.clusterId}"`);
    if (Number(hello.to) !== memberId) throw new Refusal(`this is member ${memberId}, not ${hello.to}`);
    const from = Number(hello.from);
    if (!isPeer(from)) throw new Refusal(`member ${hello.from} is not known here`);
    return from;
  }

  #exchange(call: Parameters<Parameters<typeof addService<typeof RaftService>>[2]['exchange']>[0]): void {
    let from = 0;
    const fail = (error: Error & { code?: grpc.status }) => {
      this.#options.logger.warn({ from, reason: error.message }, 'stream of a peer was refused');
      call.emit('error', { code: error.code ?? grpc.status.INVALID_ARGUMENT, details: error.message });
      from = -1;
    };
    // A caller that goes away is nothing to report; its own side says why.
    call.on('error', () => call.end());
    call.on('end', () => call.end());
    call.on('data', ({ message }) => {
      if (from < 0) return;
      try {
        if (from === 0) {
          from = this.#authenticate(call, message.case === 'hello' ? message.value : undefined);
          const { clusterId, memberId } = this.#options;
          call.write({ welcome: { clusterId, from: BigInt(memberId), to: BigInt(from) } });
          this.#options.onConnected(from);
        } else if (message.case === 'batch') {
          this.#options.onReceived(from, this.#decode(message.value, from));
        }
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  #decode(batch: Batch, from: number): Received {
    const messages: Message[] = [];
    for (const wire of batch.messages) {
      const message = messageFromWire(wire, from, this.#options.memberId);
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
      refusals: batch.refusals.map(({ reason, message, origin, attempt }) => ({
        message,
        origin: Number(origin),
        reason: refusalReasons.get(reason) ?? 'not-leader',
        attempt: Number(attempt),
      })),
    };
  }

  async #install(call: grpc.ServerReadableStream<InstallSnapshotRequest, unknown>): Promise<void> {
    let writer: SnapshotWriter | undefined;
    let from = 0;
    let message: Message | undefined;
    let chunks = 0;
    let complete = false;
    try {
      for await (const { message: part } of call as AsyncIterable<InstallSnapshotRequest>) {
        if (!writer) {
          const header = part.case === 'header' ? part.value : undefined;
          from = this.#authenticate(call, header?.hello);
          message = header?.message && messageFromWire(header.message, from, this.#options.memberId);
          if (message?.type !== 'snapshot' || !message.snapshot) throw new Error('the header has no snapshot message');
          writer = await SnapshotWriter.create(
            this.#options.dataDir,
            message.snapshot,
            `from-${from}-${++this.#transfers}`,
          );
        } else if (part.case === 'chunk') {
          if (crc32(part.value.data) !== part.value.checksum) throw new Error('a chunk fails its checksum');
          await writer.write(part.value.data);
          chunks++;
        } else if (part.case === 'end') {
          complete = Number(part.value.chunks) === chunks;
        }
      }
      if (!writer || !message || !complete) throw new Error('the transfer was broken off');
    } catch (error) {
      await writer?.abort();
      throw error;
    }
    await writer.finish();
    this.#options.onReceived(from, { messages: [message], forwards: [], refusals: [] });
  }
}
