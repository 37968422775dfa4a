/** All objects of a small kind as they stand in the store, decoded, event by event: as fresh as this replica's memory. */
import type { GroupVersionResource, TypedObject } from '../api/types.ts';
import { prefixEnd, type Store } from '../store/types.ts';
import { resourcePrefix } from './keys.ts';
import { decodeFresh, recordOf } from './object-record.ts';

export class FollowedKind<T extends TypedObject> {
  readonly #store: Pick<Store, 'range' | 'watch'>;
  readonly #resource: GroupVersionResource;
  readonly #onChange: (() => void) | undefined;
  readonly #objects = new Map<string, T>();

  /** `onChange` runs after every batch of changes. */
  constructor(store: Pick<Store, 'range' | 'watch'>, resource: GroupVersionResource, onChange?: () => void) {
    this.#store = store;
    this.#resource = resource;
    this.#onChange = onChange;
    this.#load();
  }

  /** By store key, in no particular order. Shared: never change one. */
  values(): Iterable<T> {
    return this.#objects.values();
  }

  #load(): void {
    this.#objects.clear();
    const key = resourcePrefix(this.#resource);
    const range = { key, end: prefixEnd(key) };
    for (const item of this.#store.range(range).items) this.#put(item);
    this.#store.watch(range, {
      onEvents: (events) => {
        for (const { type, current } of events) {
          if (type === 'put') this.#put(current);
          else this.#objects.delete(current.key);
        }
        this.#onChange?.();
      },
      // The state was replaced by a snapshot: what it says now counts.
      onClose: () =>
        queueMicrotask(() => {
          this.#load();
          this.#onChange?.();
        }),
    });
  }

  #put(item: Parameters<typeof recordOf>[0]): void {
    this.#objects.set(item.key, decodeFresh(recordOf(item)) as TypedObject as T);
  }
}
