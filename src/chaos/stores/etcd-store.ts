/**
 * Registers over etcd's v3 interface. Each register is two keys that are only written together, in one transaction, and read together: a
 * transaction that is done by halves shows as a value that nobody wrote.
 */

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ChannelCredentials, ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type CompareSchema,
  KV,
  type RangeResponse,
  type RequestOpSchema,
  type TxnResponse,
  Watch,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { Event_EventType } from '../../gen/etcd/mvccpb/kv_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import {
  type Held,
  type Listing,
  OutcomeError,
  type RegisterStore,
  type Reply,
  type Request,
  type WatchedEvent,
} from '../types.ts';

const callTimeoutMs = 3_000;
/** What the server says only when nothing was, and nothing will be, written. */
const definite = /^etcdserver: (no leader|too many requests|key |mvcc: |request is too large)/;
const unconnected = /No connection established|ECONNREFUSED/;

type Compare = MessageInitShape<typeof CompareSchema>;
type RequestOp = MessageInitShape<typeof RequestOpSchema>;

export class EtcdStore implements RegisterStore {
  readonly via: string;
  readonly #kv: GrpcClient<typeof KV>;
  readonly #watch: GrpcClient<typeof Watch>;
  readonly #prefix: string;

  /** Keys begin with `prefix`, which ends with a slash. */
  constructor(via: string, address: string, credentials: ChannelCredentials, prefix: string) {
    this.via = via;
    // A member that was down is tried again soon.
    const options = { 'grpc.max_reconnect_backoff_ms': 1_000, 'grpc.use_local_subchannel_pool': 1 };
    this.#kv = new GrpcClient(KV, address, credentials, options);
    this.#watch = new GrpcClient(Watch, address, credentials, options);
    this.#prefix = prefix;
  }

  async perform(key: string, request: Request): Promise<Reply> {
    const keys = [this.#key(key), this.#mirror(key)] as const;
    if (request.type === 'read') {
      const { responses } = await this.#transaction({
        success: keys.map((one) => ({ request: { case: 'requestRange', value: { key: one } } })),
      });
      const held = heldOf(responses);
      return { succeeded: held !== undefined, held };
    }
    const success = keys.map((one): RequestOp => {
      if (request.type === 'delete') return { request: { case: 'requestDeleteRange', value: { key: one } } };
      return { request: { case: 'requestPut', value: { key: one, value: Buffer.from(request.value) } } };
    });
    const { succeeded, header } = await this.#transaction({ compare: [conditionOf(keys[0], request)], success });
    if (!succeeded || request.type === 'delete') return { succeeded };
    return { succeeded, held: { value: request.value, revision: Number(header!.revision) } };
  }

  async list(): Promise<Listing> {
    const range = { key: this.#key(''), rangeEnd: endOf(this.#key('')) };
    const { header, kvs } = await this.#call(() =>
      this.#kv.unary(KV.method.range, range, { deadline: Date.now() + callTimeoutMs }),
    );
    const items = kvs.map(({ key, value, modRevision }) => {
      const held = { value: Buffer.from(value).toString(), revision: Number(modRevision) };
      return [this.#name(key), held] as const;
    });
    return { revision: Number(header!.revision), items: new Map(items) };
  }

  async *watch(revision: number, signal: AbortSignal): AsyncIterable<WatchedEvent> {
    const stream = this.#watch.bidiStream(Watch.method.watch);
    const end = () => stream.cancel();
    signal.addEventListener('abort', end, { once: true });
    try {
      const value = { key: this.#key(''), rangeEnd: endOf(this.#key('')), startRevision: BigInt(revision + 1) };
      stream.write({ requestUnion: { case: 'createRequest', value } });
      for await (const { canceled, cancelReason, events } of stream) {
        if (canceled) throw new Error(`watch from ${revision}: ${cancelReason || 'canceled'}`);
        for (const { type, kv } of events) {
          const gone = type === Event_EventType.DELETE;
          const written = gone ? undefined : Buffer.from(kv!.value).toString();
          yield { key: this.#name(kv!.key), revision: Number(kv!.modRevision), value: written };
        }
      }
    } finally {
      signal.removeEventListener('abort', end);
      stream.cancel();
    }
  }

  close(): void {
    this.#kv.close();
    this.#watch.close();
  }

  /** Of the whole run. */
  async deleteAll(): Promise<void> {
    const range = { key: Buffer.from(this.#prefix), rangeEnd: endOf(Buffer.from(this.#prefix)) };
    await this.#kv.unary(KV.method.deleteRange, range, { deadline: Date.now() + callTimeoutMs });
  }

  #key(name: string): Buffer {
    return Buffer.from(`${this.#prefix}register/${name}`);
  }

  #mirror(name: string): Buffer {
    return Buffer.from(`${this.#prefix}mirror/${name}`);
  }

  #name(key: Uint8Array): string {
    return Buffer.from(key).toString().slice(`${this.#prefix}register/`.length);
  }

  #transaction(request: { compare?: Compare[]; success: RequestOp[] }): Promise<TxnResponse> {
    return this.#call(() => this.#kv.unary(KV.method.txn, request, { deadline: Date.now() + callTimeoutMs }));
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw outcomeOf(error as ServiceError);
    }
  }
}

function conditionOf(key: Buffer, request: Exclude<Request, { type: 'read' }>): Compare {
  if (request.type === 'compare-and-set') {
    const modRevision = BigInt(request.expected.revision);
    return {
      key,
      target: Compare_CompareTarget.MOD,
      result: Compare_CompareResult.EQUAL,
      targetUnion: { case: 'modRevision', value: modRevision },
    };
  }
  const result = request.type === 'create' ? Compare_CompareResult.EQUAL : Compare_CompareResult.GREATER;
  return { key, target: Compare_CompareTarget.CREATE, result, targetUnion: { case: 'createRevision', value: 0n } };
}

/** Of the register's two keys. When they differ, a value that nobody wrote. */
function heldOf(responses: TxnResponse['responses']): Held | undefined {
  const [first, second] = responses.map(({ response }) => (response.value as RangeResponse).kvs[0]);
  if (!first && !second) return undefined;
  const [value, mirrored] = [first, second].map((kv) => (kv ? Buffer.from(kv.value).toString() : 'nothing'));
  const revision = Number(first?.modRevision ?? second!.modRevision);
  return { value: value === mirrored ? value! : `torn: ${value} and ${mirrored}`, revision };
}

function endOf(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]!++;
  return end;
}

export function outcomeOf(error: ServiceError): OutcomeError {
  const text = error.details ?? error.message;
  const refusedByCode = error.code === status.INVALID_ARGUMENT || error.code === status.PERMISSION_DENIED;
  const refused = refusedByCode || definite.test(text) || (error.code === status.UNAVAILABLE && unconnected.test(text));
  return new OutcomeError(refused ? 'refused' : 'unknown', text, { cause: error });
}
