/** One informer per resource, shared by all loops of a leader: one cache, one watch. */
import type { GroupVersionResource, TypedObject } from '../api/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Informer } from './informer.ts';
import type { Indexer } from './object-cache.ts';
import type { ApiClient } from './types.ts';

export interface InformerSetOptions {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
  /** By `group/version/resource`: what of its objects is kept; see the informer's option. */
  readonly keep?: Readonly<Record<string, (object: TypedObject) => TypedObject>> | undefined;
}

export class InformerSet {
  readonly #options: InformerSetOptions;
  readonly #informers = new Map<string, Informer<TypedObject>>();
  readonly #ends = new Map<string, AbortController>();

  constructor(options: InformerSetOptions) {
    this.#options = options;
  }

  /** Starts it on first use. Indexers of the same name must mean the same everywhere. */
  of<T extends TypedObject>(
    resource: GroupVersionResource,
    indexers: Readonly<Record<string, Indexer<T>>> = {},
  ): Informer<T> {
    const id = idOf(resource);
    let informer = this.#informers.get(id) as Informer<T> | undefined;
    if (!informer) {
      const { client, logger, clock, signal, keep } = this.#options;
      informer = new Informer<T>({
        client,
        resource,
        logger,
        clock,
        keep: keep?.[id] as ((object: T) => T) | undefined,
      });
      this.#informers.set(id, informer as unknown as Informer<TypedObject>);
      const end = new AbortController();
      this.#ends.set(id, end);
      void informer.run(AbortSignal.any([signal, end.signal]));
    }
    for (const [name, indexer] of Object.entries(indexers)) informer.addIndexer(name, indexer);
    return informer;
  }

  /** Ends it for everybody: its resource is no longer served. */
  drop(resource: GroupVersionResource): void {
    const id = idOf(resource);
    this.#ends.get(id)?.abort();
    this.#ends.delete(id);
    this.#informers.delete(id);
  }
}

function idOf({ group, version, resource }: GroupVersionResource): string {
  return `${group}/${version}/${resource}`;
}
