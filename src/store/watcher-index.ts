/**
 * Which watchers want a key, without asking each. Watchers of the same range and filters form a group, and a key finds its groups by looking up
 * itself (watches of one key), its prefixes of those lengths that some watch has (watches of a prefix), and the other ranges in a tree.
 */
import { IntervalTree } from './interval-tree.ts';
import { type KeyRange, prefixEnd, type WatchFilters, type WatchRequest } from './types.ts';

export interface WatcherGroup<W> {
  readonly filters: WatchFilters;
  readonly watchers: Set<W>;
}

/** Groups of one range, by filters. */
type Groups<W> = Map<number, WatcherGroup<W>>;

export class WatcherIndex<W> {
  readonly #byKey = new Map<string, Groups<W>>();
  readonly #byPrefix = new Map<string, Groups<W>>();
  readonly #others = new IntervalTree<Groups<W>>();
  /** Length of a watched prefix, and how many ranges have it. */
  readonly #prefixLengths = new Map<number, number>();

  add(request: WatchRequest, watcher: W): void {
    const filters = request.filters ?? {};
    const groups = this.#find(request) ?? this.#create(request);
    const number = numberOf(filters);
    const group = groups.get(number);
    if (group) group.watchers.add(watcher);
    else groups.set(number, { filters, watchers: new Set([watcher]) });
  }

  delete(request: WatchRequest, watcher: W): void {
    const groups = this.#find(request);
    const number = numberOf(request.filters ?? {});
    const group = groups?.get(number);
    if (!groups || !group?.watchers.delete(watcher) || group.watchers.size > 0) return;
    groups.delete(number);
    if (groups.size === 0) this.#remove(request);
  }

  forEachGroup(key: string, visit: (group: WatcherGroup<W>) => void): void {
    const each = (groups: Groups<W>): void => groups.forEach(visit);
    const exact = this.#byKey.get(key);
    if (exact) each(exact);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      const groups = this.#byPrefix.get(key.slice(0, length));
      if (groups) each(groups);
    }
    this.#others.forEach(key, each);
  }

  #find(range: KeyRange): Groups<W> | undefined {
    if (range.end === undefined) return this.#byKey.get(range.key);
    return isPrefix(range) ? this.#byPrefix.get(range.key) : this.#others.get(idOf(range));
  }

  #create(range: KeyRange): Groups<W> {
    const groups: Groups<W> = new Map();
    if (range.end === undefined) this.#byKey.set(range.key, groups);
    else if (isPrefix(range)) {
      this.#byPrefix.set(range.key, groups);
      this.#prefixLengths.set(range.key.length, (this.#prefixLengths.get(range.key.length) ?? 0) + 1);
    } else this.#others.add(idOf(range), range.key, range.end, groups);
    return groups;
  }

  #remove(range: KeyRange): void {
    if (range.end === undefined) this.#byKey.delete(range.key);
    else if (isPrefix(range)) {
      this.#byPrefix.delete(range.key);
      const left = this.#prefixLengths.get(range.key.length)! - 1;
      if (left === 0) this.#prefixLengths.delete(range.key.length);
      else this.#prefixLengths.set(range.key.length, left);
    } else this.#others.delete(idOf(range));
  }
}

function isPrefix(range: KeyRange): boolean {
  return range.end === prefixEnd(range.key);
}

function idOf(range: KeyRange): string {
  return `${range.key.length}:${range.key}${range.end}`;
}

function numberOf(filters: WatchFilters): number {
  return (filters.noPut ? 1 : 0) | (filters.noDelete ? 2 : 0);
}
