/** A master as an agent sees it, in this process: hands out what a test says, acknowledges and records what comes in. For tests only. */
import * as grpc from '@grpc/grpc-js';
import type { TypedObject } from '../../api/types.ts';
import {
  Assignment_Action,
  DispatcherService,
  type Hello,
  type StatusUpdate,
  StatusUpdate_Kind,
} from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { addService } from '../../lib/grpc.ts';

type Stream = Parameters<Parameters<typeof addService<typeof DispatcherService>>[2]['session']>[0];

const RESOURCES: Record<string, string> = { Pod: 'pods', ConfigMap: 'configmaps', Secret: 'secrets', Node: 'nodes' };

export class FakeDispatcher {
  readonly hellos: Hello[] = [];
  readonly updates: { kind: StatusUpdate_Kind; name: string; uid: string; object: unknown }[] = [];
  heartbeats = 0;
  /** While false, batches are recorded but not acknowledged. */
  acknowledges = true;
  /** A pod that is gone is removed from what is wanted, as a real master does. */
  removesGonePods = true;
  address = '';
  readonly #objects = new Map<string, TypedObject>();
  readonly #streams = new Set<Stream>();
  readonly #waiters = new Set<() => void>();
  #revision = 0n;
  #server: grpc.Server | undefined;

  async start(address = '127.0.0.1:0', credentials = grpc.ServerCredentials.createInsecure()): Promise<void> {
    const server = new grpc.Server();
    addService(server, DispatcherService, {
      session: (stream) => this.#session(stream),
      heartbeat: (stream) => {
        stream.on('data', () => {
          this.heartbeats++;
          this.#changed();
        });
        stream.on('error', () => stream.end());
        stream.on('end', () => stream.end());
      },
      issueToken: ({ request }, callback) =>
        callback(null, { token: `token of ${request.serviceAccount}`, expiresAtMs: BigInt(Date.now() + 3_600_000) }),
      lastSeen: (_call, callback) => callback(null, { ageMs: [] }),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    this.#server = server;
    this.address = `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
  }

  /** Ends all sessions at once, as a killed master does. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#streams.clear();
  }

  set(...objects: TypedObject[]): void {
    for (const object of objects) this.#objects.set(keyOf(object), object);
    this.#push(objects.map((object) => assignment(object, Assignment_Action.SET)));
  }

  remove(object: TypedObject): void {
    this.#objects.delete(keyOf(object));
    this.#push([assignment(object, Assignment_Action.REMOVE)]);
  }

  get(kind: string, name: string): TypedObject | undefined {
    return [...this.#objects.values()].find((object) => object.kind === kind && object.metadata?.name === name);
  }

  /** The last status reported of a pod. */
  podStatus(name: string): Record<string, unknown> | undefined {
    const last = this.updates.findLast(
      (update) => update.kind === StatusUpdate_Kind.POD_STATUS && update.name === name,
    );
    return last?.object as Record<string, unknown> | undefined;
  }

  isGone(name: string): boolean {
    return this.updates.some((update) => update.kind === StatusUpdate_Kind.POD_GONE && update.name === name);
  }

  /** Resolves as soon as `check` holds, looked at after every message. */
  until(check: () => boolean): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = () => {
        if (!check()) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
    });
  }

  #session(stream: Stream): void {
    stream.on('error', () => this.#streams.delete(stream));
    stream.on('end', () => {
      this.#streams.delete(stream);
      stream.end();
    });
    stream.on('data', ({ message }) => {
      if (message.case === 'hello') this.#hello(stream, message.value);
      if (message.case === 'statuses') {
        for (const update of message.value.updates) this.#update(update);
        if (this.acknowledges) {
          stream.write({ message: { case: 'ack', value: { sequence: message.value.sequence, refusals: [] } } });
        }
      }
      this.#changed();
    });
  }

  #hello(stream: Stream, hello: Hello): void {
    this.hellos.push(hello);
    const full = hello.resumeRevision === 0n || hello.resumeRevision !== this.#revision;
    stream.write({ message: { case: 'welcome', value: { master: 'fake', heartbeatIntervalMs: 50n, full } } });
    this.#revision ||= 1n;
    const changes = full ? [...this.#objects.values()].map((object) => assignment(object, Assignment_Action.SET)) : [];
    stream.write({ message: { case: 'assignments', value: { changes, revision: this.#revision } } });
    this.#streams.add(stream);
  }

  #update(update: StatusUpdate): void {
    const { kind, name, uid } = update;
    const object = update.object.length > 0 ? JSON.parse(Buffer.from(update.object).toString()) : undefined;
    this.updates.push({ kind, name, uid, object });
    if (kind !== StatusUpdate_Kind.POD_GONE || !this.removesGonePods) return;
    const pod = this.get('Pod', name);
    if (pod?.metadata?.uid === uid) this.remove(pod);
  }

  #push(changes: ReturnType<typeof assignment>[]): void {
    this.#revision++;
    for (const stream of this.#streams) {
      stream.write({ message: { case: 'assignments', value: { changes, revision: this.#revision } } });
    }
  }

  #changed(): void {
    for (const look of [...this.#waiters]) look();
  }
}

function keyOf(object: TypedObject): string {
  return `${object.kind}/${object.metadata?.namespace}/${object.metadata?.name}`;
}

function assignment(object: TypedObject, action: Assignment_Action) {
  return {
    action,
    resource: RESOURCES[object.kind ?? ''] ?? '',
    namespace: object.metadata?.namespace ?? '',
    name: object.metadata?.name ?? '',
    object: action === Assignment_Action.SET ? Buffer.from(JSON.stringify(object)) : new Uint8Array(0),
  };
}
