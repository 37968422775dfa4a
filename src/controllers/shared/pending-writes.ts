/**
 * What a controller has written and its cache does not show yet. A key whose writes are not all visible must not be planned again:
 * a plan over a stale cache would create or delete twice.
 *
 * A creation is visible once the cache has passed the revision of the created object; a deletion once the object is gone from the
 * cache or marked there.
 */
import type { TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';

interface Pending {
  revision: number;
  readonly deletions: Map<string, string>;
}

export class PendingWrites<T extends TypedObject> {
  readonly #informer: Pick<Informer<T>, 'revision' | 'get'>;
  readonly #pending = new Map<string, Pending>();

  constructor(informer: Pick<Informer<T>, 'revision' | 'get'>) {
    this.#informer = informer;
  }

  created(key: string, object: TypedObject): void {
    const pending = this.#of(key);
    pending.revision = Math.max(pending.revision, Number(object.metadata?.resourceVersion ?? 0));
  }

  /** `objectKey` is where the informer has it. */
  deleted(key: string, objectKey: string, uid: string): void {
    this.#of(key).deletions.set(objectKey, uid);
  }

  forget(key: string): void {
    this.#pending.delete(key);
  }

  /** True when the cache shows everything that was written for the key. */
  isVisible(key: string): boolean {
    const pending = this.#pending.get(key);
    if (!pending) return true;
    for (const [objectKey, uid] of pending.deletions) {
      const metadata = this.#informer.get(objectKey)?.metadata;
      if (metadata?.uid === uid && !metadata.deletionTimestamp) return false;
    }
    pending.deletions.clear();
    if (this.#informer.revision < pending.revision) return false;
    this.#pending.delete(key);
    return true;
  }

  #of(key: string): Pending {
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = { revision: 0, deletions: new Map() };
      this.#pending.set(key, pending);
    }
    return pending;
  }
}
