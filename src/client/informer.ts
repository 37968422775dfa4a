/**
 * Keeps a cache of one resource equal to the server's, by list and watch, and tells handlers what changed.
 *
 * Invariants: handlers see each object's states in revision order, every add is followed by at most one delete, and the cache already
 * holds the new state when a handler runs. A state may be skipped (after a relist), the last one never is. The first list is
 * linearizable, so that a new leader never starts from a state that lacks writes of the one before.
 */
import { ApiError } from '../api/status.ts';
import type { GroupVersionResource, TypedObject } from '../api/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Slices } from '../lib/slices.ts';
import { backoffMs, delay } from './backoff.ts';
import { type Indexer, keyOf, ObjectCache } from './object-cache.ts';
import type { ApiClient, ListOptions } from './types.ts';

const backoffBaseMs = 50;
const backoffMaxMs = 10_000;
/** Objects per page of a list. They are all in memory at once, of whatever size they are. */
const pageSize = 1_000;

export interface InformerHandler<T> {
  add?(object: T): void;
  update?(object: T, old: T): void;
  /** `object` is the last state known, which may be older than the one that was deleted. */
  delete?(object: T): void;
}

export interface InformerOptions<T> {
  readonly client: ApiClient;
  readonly resource: GroupVersionResource;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly indexers?: Readonly<Record<string, Indexer<T>>> | undefined;
  /** What of an object goes into the cache and to handlers; default all. The metadata must stay. Must not change its argument. */
  readonly keep?: ((object: T) => T) | undefined;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
}

export class Informer<T extends TypedObject> {
  readonly resource: GroupVersionResource;
  /** True once the first list is in the cache; false when the signal aborted before. */
  readonly synced: Promise<boolean>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #cache: ObjectCache<T>;
  readonly #handlers: InformerHandler<T>[] = [];
  #revision = '';
  #hasSynced = false;
  #resolveSynced!: (synced: boolean) => void;

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#cache = new ObjectCache<T>(options.indexers);
    this.synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** The cache holds every change up to here. 0 before the first list. */
  get revision(): number {
    return Number(this.#revision);
  }

  /** By `namespace/name`, or `name`. */
  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(): T[] {
    return this.#cache.list();
  }

  get size(): number {
    return this.#cache.size;
  }

  byNamespace(namespace: string): T[] {
    return this.#cache.byIndex('namespace', namespace);
  }

  byIndex(name: string, value: string): T[] {
    return this.#cache.byIndex(name, value);
  }

  addIndexer(name: string, indexer: Indexer<T>): void {
    this.#cache.addIndexer(name, indexer);
  }

  /** What is in the cache already is told as adds, at once. */
  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#cache.list()) this.#guard(() => handler.add?.(object));
  }

  /** Runs until the signal aborts. Never rejects. Call once. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#resolveSynced(false);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let failures = 0;
    while (!signal.aborted) {
      const revisionBefore = this.#revision;
      try {
        if (this.#revision === '') await this.#relist(signal);
        await this.#watch(signal);
        failures = 0;
        if (this.#revision !== revisionBefore) continue;
      } catch (error) {
        if (signal.aborted) break;
        if (this.#revision !== revisionBefore) failures = 0;
        if (error instanceof ApiError && error.code === 410) {
          this.#revision = '';
          if (failures === 0) {
            failures = 1;
            continue;
          }
        }
        this.#options.logger.warn(
          { resource: this.resource.resource, error: String(error) },
          'list-watch failed, will retry',
        );
      }
      await delay(this.#clock, backoffMs(failures++, backoffBaseMs, backoffMaxMs), signal);
    }
    signal.removeEventListener('abort', onAbort);
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const items: T[] = [];
    let next: string | undefined;
    let revision: string;
    do {
      const page = await this.#options.client.list<T>(this.resource, {
        ...this.#selection(),
        limit: pageSize,
        continue: next,
        signal,
      });
      for (const item of page.items) items.push(this.#kept(item));
      next = page.continue;
      revision = page.resourceVersion;
    } while (next && !signal.aborted);
    if (signal.aborted) return;
    await this.#replace(items, signal);
    if (signal.aborted) return;
    this.#revision = revision;
    this.#hasSynced = true;
    this.#resolveSynced(true);
  }

  async #replace(items: readonly T[], signal: AbortSignal): Promise<void> {
    const slices = new Slices();
    const present = new Set(items.map(keyOf));
    for (const key of [...this.#cache.keys()]) if (!present.has(key)) this.#removed(key);
    for (const item of items) {
      if (slices.due) await slices.next();
      if (signal.aborted) return;
      this.#stored(item);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { client } = this.#options;
    const options = { ...this.#selection(), resourceVersion: this.#revision, signal };
    for await (const event of client.watch<T>(this.resource, options)) {
      if (signal.aborted) return;
      if (event.type === 'ERROR') throw ApiError.fromStatus(event.object);
      this.#revision = event.object.metadata?.resourceVersion ?? this.#revision;
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') this.#removed(keyOf(event.object), this.#kept(event.object));
      else this.#stored(this.#kept(event.object));
    }
  }

  #kept(object: T): T {
    return this.#options.keep?.(object) ?? object;
  }

  #selection(): ListOptions {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { namespace, labelSelector, fieldSelector };
  }

  #stored(object: T): void {
    const old = this.#cache.put(object);
    if (old && old.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    if (old && old.metadata?.uid === object.metadata?.uid) {
      this.#tell((handler) => handler.update?.(object, old));
      return;
    }
    // There was an old one: it was deleted and created again under the same name while we were not looking.
    if (old) this.#tell((handler) => handler.delete?.(old));
    this.#tell((handler) => handler.add?.(object));
  }

  #removed(key: string, last?: T): void {
    const old = this.#cache.remove(key);
    if (old) this.#tell((handler) => handler.delete?.(last ?? old));
  }

  #tell(call: (handler: InformerHandler<T>) => void): void {
    for (const handler of this.#handlers) this.#guard(() => call(handler));
  }

  /** One consumer's bug must not take the cache away from the others. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.logger.error({ resource: this.resource.resource, err: error }, 'informer handler failed');
    }
  }
}
