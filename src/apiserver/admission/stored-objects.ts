/**
 * All objects of a resource, as they stand in this replica's memory, and something made of them. Follows the store: what is made is thrown away with the next
 * change and made again when it is asked for. For resources with few objects that many requests are judged by.
 */
import type { KubernetesObject } from '../../api/types.ts';
import type { Store, Watch } from '../../store/types.ts';
import { collectionRange } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';

export type ReadStore = Pick<Store, 'get' | 'range' | 'watch'>;

interface Named {
  readonly group: string;
  readonly resource: string;
}

export interface Derived<R> {
  /** As of the last change. The same value until the next one. */
  readonly current: R;
}

/** `make` gets the objects of each resource in the order of their names. */
export function deriveFrom<R>(
  store: ReadStore,
  watched: readonly Named[],
  make: (...objects: readonly (readonly KubernetesObject[])[]) => R,
): Derived<R> {
  let value: { readonly made: R } | undefined;
  const watches = new Map<Named, Watch>();
  const follow = (resource: Named) => {
    value = undefined;
    const range = collectionRange(resource, undefined);
    watches.get(resource)?.cancel();
    watches.set(
      resource,
      store.watch(range, {
        onEvents: () => {
          value = undefined;
        },
        // The state was replaced by a snapshot: what it says now counts.
        onClose: () => queueMicrotask(() => follow(resource)),
      }),
    );
  };
  for (const resource of watched) follow(resource);
  return {
    get current() {
      value ??= { made: make(...watched.map((resource) => objectsOf(store, resource))) };
      return value.made;
    },
  };
}

/** In the order of their names. Shared: not to be changed. */
export function objectsOf(
  store: Pick<Store, 'range'>,
  resource: Named,
  namespace?: string,
): readonly KubernetesObject[] {
  return store.range(collectionRange(resource, namespace)).items.map((item) => decodeShared(recordOf(item)));
}
