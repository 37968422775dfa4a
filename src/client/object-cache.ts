/**
 * Objects by `namespace/name`, with secondary indexes that stay exact through every put and remove.
 * Objects are shared with all readers and must not be changed.
 */

import type { TypedObject } from '../api/types.ts';
import { assert } from '../lib/assert.ts';
import type { ObjectKey } from './types.ts';

/** The values under which an object is found; none: not in this index. */
export type Indexer<T> = (object: T) => readonly string[];

/** `namespace/name`, or `name` for cluster-scoped objects: also the key of every work queue. */
export function keyOf(object: TypedObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

/** The inverse of {@link keyOf}. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

interface Index<T> {
  readonly indexer: Indexer<T>;
  readonly keysByValue: Map<string, Set<string>>;
}

export class ObjectCache<T extends TypedObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}) {
    this.addIndexer('namespace', (object) => [object.metadata?.namespace ?? '']);
    for (const [name, indexer] of Object.entries(indexers)) this.addIndexer(name, indexer);
  }

  /** Builds the index over what is there already. The first indexer of a name wins: a name means one thing. */
  addIndexer(name: string, indexer: Indexer<T>): void {
    if (this.#indexes.has(name)) return;
    const index = { indexer, keysByValue: new Map<string, Set<string>>() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) addTo(index, key, object);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** In no particular order. */
  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    assert(index, 'no such index in this cache', { name });
    const result: T[] = [];
    for (const key of index.keysByValue.get(value) ?? []) result.push(this.#objects.get(key)!);
    return result;
  }

  /** Returns what was there before. */
  put(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    for (const index of this.#indexes.values()) {
      if (old) removeFrom(index, key, old);
      addTo(index, key, object);
    }
    this.#objects.set(key, object);
    return old;
  }

  remove(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    for (const index of this.#indexes.values()) removeFrom(index, key, old);
    this.#objects.delete(key);
    return old;
  }
}

function addTo<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.indexer(object)) {
    const keys = index.keysByValue.get(value);
    if (keys) keys.add(key);
    else index.keysByValue.set(value, new Set([key]));
  }
}

function removeFrom<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.indexer(object)) {
    const keys = index.keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keysByValue.delete(value);
  }
}
