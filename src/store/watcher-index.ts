/**
 * Which watchers want a key, without asking each. Watchers of the same range form a group, and a key finds its groups by looking up
 * itself (watches of one key), its prefixes of those lengths that some watch has (watches of a prefix), and by trying the few others.
 */
import { covers } from './command.ts';
import { type KeyRange, prefixEnd } from './types.ts';

export interface WatcherGroup<W> {
  readonly range: KeyRange;
  readonly watchers: Set<W>;
}

export class WatcherIndex<W> {
  readonly #byKey = new Map<string, WatcherGroup<W>>();
  readonly #byPrefix = new Map<string, WatcherGroup<W>>();
  readonly #others = new Map<string, WatcherGroup<W>>();
  /** Length of a watched prefix, and how many groups have it. */
  readonly #prefixLengths = new Map<number, number>();

  add(range: KeyRange, watcher: W): void {
    const { map, id, isPrefix } = this.#place(range);
    let group = map.get(id);
    if (!group) {
      group = { range, watchers: new Set() };
      map.set(id, group);
      if (isPrefix) this.#prefixLengths.set(id.length, (this.#prefixLengths.get(id.length) ?? 0) + 1);
    }
    group.watchers.add(watcher);
  }

  delete(range: KeyRange, watcher: W): void {
    const { map, id, isPrefix } = this.#place(range);
    const group = map.get(id);
    if (!group?.watchers.delete(watcher) || group.watchers.size > 0) return;
    map.delete(id);
    if (!isPrefix) return;
    const groups = this.#prefixLengths.get(id.length)! - 1;
    if (groups === 0) this.#prefixLengths.delete(id.length);
    else this.#prefixLengths.set(id.length, groups);
  }

  forEachGroup(key: string, visit: (group: WatcherGroup<W>) => void): void {
    const exact = this.#byKey.get(key);
    if (exact) visit(exact);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      const group = this.#byPrefix.get(key.slice(0, length));
      if (group) visit(group);
    }
    for (const group of this.#others.values()) if (covers(group.range, key)) visit(group);
  }

  #place(range: KeyRange): { map: Map<string, WatcherGroup<W>>; id: string; isPrefix: boolean } {
    if (range.end === undefined) return { map: this.#byKey, id: range.key, isPrefix: false };
    if (range.end === prefixEnd(range.key)) return { map: this.#byPrefix, id: range.key, isPrefix: true };
    return { map: this.#others, id: `${range.key.length}:${range.key}${range.end}`, isPrefix: false };
  }
}
