/** The agent's end of a session, for tests: keeps what it was told, and lets a test wait for it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import type { TypedObject } from '../../api/types.ts';
import {
  Assignment_Action as Action,
  DispatcherService,
  type SessionRequestSchema,
  type SessionResponse,
  type StatusAck,
  type StatusUpdate,
  type Welcome,
} from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { clientCredentials, GrpcClient, type TlsFiles } from '../../lib/grpc.ts';

type Stream = grpc.ClientDuplexStream<MessageInitShape<typeof SessionRequestSchema>, SessionResponse>;

export interface HelloOptions {
  readonly incarnation?: string;
  readonly node?: object;
  readonly resumeRevision?: number;
}

export class TestAgent {
  readonly client: GrpcClient<typeof DispatcherService>;
  readonly stream: Stream;
  welcome: Welcome | undefined;
  /** By `resource/namespace/name`. */
  readonly objects = new Map<string, TypedObject>();
  /** Every change in order: `SET pods/default/a` or `REMOVE …`. */
  readonly changes: string[] = [];
  readonly chunks: { changes: number; bytes: number; revision: number }[] = [];
  readonly acks: StatusAck[] = [];
  revision = 0;
  error: grpc.ServiceError | undefined;
  ended = false;
  #sequence = 0n;
  #waiters = new Set<() => void>();

  constructor(address: string, tls: TlsFiles) {
    this.client = new GrpcClient(DispatcherService, address, clientCredentials(tls));
    this.stream = this.client.bidiStream(DispatcherService.method.session);
    this.stream.on('data', (response) => this.#notify(() => this.#take(response)));
    this.stream.on('error', (error: grpc.ServiceError) => this.#notify(() => (this.error = error)));
    this.stream.on('end', () => this.#notify(() => (this.ended = true)));
  }

  hello(options: HelloOptions = {}): this {
    const { incarnation = 'first', node = {}, resumeRevision = 0 } = options;
    const value = { incarnation, node: Buffer.from(JSON.stringify(node)), resumeRevision: BigInt(resumeRevision) };
    this.stream.write({ message: { case: 'hello', value } });
    return this;
  }

  /** Resolves with the acknowledgement. */
  async report(...updates: (Partial<Omit<StatusUpdate, 'object'>> & { object?: object })[]): Promise<StatusAck> {
    const sequence = ++this.#sequence;
    const value = {
      sequence,
      updates: updates.map(({ kind, namespace, name, uid, object }) => ({
        ...(kind !== undefined && { kind }),
        ...(namespace !== undefined && { namespace }),
        ...(name !== undefined && { name }),
        ...(uid !== undefined && { uid }),
        object: Buffer.from(JSON.stringify(object ?? {})),
      })),
    };
    this.stream.write({ message: { case: 'statuses', value } });
    await this.until(() => this.acks.some((ack) => ack.sequence === sequence));
    return this.acks.find((ack) => ack.sequence === sequence)!;
  }

  /** Resolves once `check` holds; rejects if the stream ends before. */
  async until(check: () => boolean): Promise<void> {
    while (!check()) {
      if (this.error) throw this.error;
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  /** Resolves with the status that ended the stream. */
  async failure(): Promise<grpc.ServiceError> {
    while (!this.error) await new Promise<void>((resolve) => this.#waiters.add(resolve));
    return this.error;
  }

  /** Resolves once everything up to here has been told. */
  async synced(): Promise<this> {
    await this.until(() => this.revision > 0);
    return this;
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }

  #take({ message }: SessionResponse): void {
    if (message.case === 'welcome') {
      this.welcome = message.value;
    } else if (message.case === 'ack') {
      this.acks.push(message.value);
    } else if (message.case === 'assignments') {
      const { changes, revision } = message.value;
      let bytes = 0;
      for (const change of changes) {
        const item = `${change.resource}/${change.namespace}/${change.name}`;
        bytes += change.object.length;
        this.changes.push(`${change.action === Action.SET ? 'SET' : 'REMOVE'} ${item}`);
        if (change.action === Action.SET) this.objects.set(item, JSON.parse(Buffer.from(change.object).toString()));
        else this.objects.delete(item);
      }
      this.chunks.push({ changes: changes.length, bytes, revision: Number(revision) });
      if (revision > 0n) this.revision = Number(revision);
    }
  }

  #notify(change: () => void): void {
    change();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
