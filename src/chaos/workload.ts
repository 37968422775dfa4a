/**
 * The clients of a chaos run. Each does one thing after the other, at a steady mean pace, to a few keys that all of them share. A key is given up after a
 * number of operations and a fresh one takes its place: short histories are quick to check, and the store does not grow.
 */
import { Prng } from '../lib/prng.ts';
import type { History } from './history.ts';
import type { Held, RegisterStore, Request, StoreAccess } from './types.ts';

export interface WorkloadOptions {
  readonly access: StoreAccess;
  readonly history: History;
  readonly clients: number;
  /** Of all clients together. */
  readonly operationsPerSecond: number;
  readonly seed: number;
}

const keysInUse = 8;
const operationsPerKey = 150;
/** Of a hundred operations, how many are of which kind; the rest are lists. */
const shares = { read: 38, 'compare-and-set': 22, update: 18, create: 10, delete: 3 } as const;
/** A client that is refused at once does not spin. */
const refusedPauseMs = 50;

interface Key {
  readonly name: string;
  operations: number;
  retiring: boolean;
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #stores: RegisterStore[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #keys: Key[] = [];
  #nextKey = 0;
  #nextValue = 0;
  #stopped = false;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    for (let i = 0; i < keysInUse; i++) this.#keys.push(this.#freshKey());
  }

  start(): void {
    const { access, clients, seed } = this.#options;
    for (let index = 0; index < clients; index++) {
      const store = access.open(index);
      this.#stores.push(store);
      this.#running.push(this.#client(`c${index}`, store, new Prng(seed + index + 1)));
    }
  }

  /** Lets every operation that is under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    for (const store of this.#stores) store.close();
  }

  /** Reads what is in use once more, through every way into the cluster. */
  async readAll(): Promise<void> {
    const { access, history } = this.#options;
    const stores = access.openEach();
    await Promise.all(
      stores.flatMap((store) => [
        history.list(store),
        ...this.#keys.map(({ name }) => history.perform(store, `final ${store.via}`, name, { type: 'read' })),
      ]),
    );
    for (const store of stores) store.close();
  }

  async #client(name: string, store: RegisterStore, prng: Prng): Promise<void> {
    const { clients, operationsPerSecond } = this.#options;
    const pauseMs = (clients * 1000) / operationsPerSecond;
    const seen = new Map<string, Held>();
    let dueMs = performance.now() + prng.float() * pauseMs;
    while (!this.#stopped) {
      await sleep(dueMs - performance.now());
      // After a wait for an answer the pace goes on from now; what was missed is not caught up.
      dueMs = Math.max(dueMs, performance.now() - pauseMs) + pauseMs * (0.5 + prng.float());
      const answered = await this.#step(name, store, prng, seen);
      if (!answered) await sleep(refusedPauseMs);
    }
  }

  /** False when there was no answer, or a refusal. */
  async #step(client: string, store: RegisterStore, prng: Prng, seen: Map<string, Held>): Promise<boolean> {
    const { history } = this.#options;
    const slot = prng.integer(0, keysInUse - 1);
    const key = this.#keys[slot]!;
    if (++key.operations > operationsPerKey && !key.retiring) {
      key.retiring = true;
      this.#keys[slot] = this.#freshKey();
      await this.#retire(client, store, key);
      return true;
    }
    const request = this.#choose(prng, seen.get(key.name));
    if (!request) {
      const listing = await history.list(store);
      for (const [name, held] of listing?.items ?? []) seen.set(name, held);
      return listing !== undefined;
    }
    const reply = await history.perform(store, client, key.name, request);
    if (reply?.held) seen.set(key.name, reply.held);
    else if (reply) seen.delete(key.name);
    if (seen.size > 4 * keysInUse) seen.delete(seen.keys().next().value!);
    return reply !== undefined;
  }

  /** Undefined: a list. */
  #choose(prng: Prng, held: Held | undefined): Request | undefined {
    let share = prng.integer(0, 99);
    for (const [type, size] of Object.entries(shares) as [keyof typeof shares, number][]) {
      share -= size;
      if (share >= 0) continue;
      if (type === 'read' || type === 'delete') return { type };
      const value = `v${this.#nextValue++}`;
      if (type !== 'compare-and-set') return { type, value };
      return held ? { type, expected: held, value } : { type: 'create', value };
    }
    return undefined;
  }

  /** One more look, then it goes: asked for until it certainly has gone. */
  async #retire(client: string, store: RegisterStore, { name }: Key): Promise<void> {
    const { history } = this.#options;
    await history.perform(store, client, name, { type: 'read' });
    while (!this.#stopped && !(await history.perform(store, client, name, { type: 'delete' })))
      await sleep(refusedPauseMs);
  }

  #freshKey(): Key {
    return { name: `key-${this.#nextKey++}`, operations: 0, retiring: false };
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
