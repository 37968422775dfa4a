/**
 * One key and its versions. Invariant: versions are in order of `modRevision`, and a tombstone never stands first once everything before it has
 * been compacted. (A transaction may put a key and then delete it: both versions have its revision, and the later one counts.)
 */
import { isTombstone, type Version } from './version.ts';

export class KeyHistory {
  readonly key: string;
  #newest: Version;
  /** All but the newest, oldest first. Absent for the many keys that have one version only. */
  #older: Version[] | undefined;

  constructor(first: Version) {
    this.key = first.key;
    this.#newest = first;
  }

  /** A tombstone if the key is deleted. */
  get newest(): Version {
    return this.#newest;
  }

  /** What the key is now. */
  get current(): Version | undefined {
    return isTombstone(this.#newest) ? undefined : this.#newest;
  }

  push(version: Version): void {
    if (this.#older) this.#older.push(this.#newest);
    else this.#older = [this.#newest];
    this.#newest = version;
  }

  /** What the key was at `revision`. */
  at(revision: number): Version | undefined {
    const version = this.#newest.modRevision <= revision ? this.#newest : this.#olderAt(revision);
    return version === undefined || isTombstone(version) ? undefined : version;
  }

  /** The version before this one, if it was not forgotten. */
  before(version: Version): Version | undefined {
    if (version === this.#newest) return this.#older?.at(-1);
    const older = this.#older ?? [];
    let position = older.length > 0 ? this.#countUntil(version.modRevision) - 1 : -1;
    while (position >= 0 && older[position] !== version) position--;
    return position > 0 ? older[position - 1] : undefined;
  }

  /** Every version, oldest first, with the one before it. */
  forEach(visit: (version: Version, previous: Version | undefined) => void): void {
    let previous: Version | undefined;
    for (const version of this.#older ?? []) {
      visit(version, previous);
      previous = version;
    }
    visit(this.#newest, previous);
  }

  /** How many versions, oldest first, cannot be read at `revision` or later. */
  unreadable(revision: number): number {
    if (this.#newest.modRevision <= revision) return (this.#older?.length ?? 0) + (isTombstone(this.#newest) ? 1 : 0);
    if (!this.#older) return 0;
    const first = this.#countUntil(revision);
    // The last of these is what the key was at `revision`, unless it was deleted then.
    return first > 0 && !isTombstone(this.#older[first - 1]!) ? first - 1 : first;
  }

  /** How many of the `count` oldest versions cost no more than `budget` together; at least one. */
  affordable(count: number, budget: number, cost: (version: Version) => number): number {
    let spent = 0;
    for (let i = 0; i < count; i++) {
      spent += cost(this.#older?.[i] ?? this.#newest);
      if (spent >= budget) return i + 1;
    }
    return count;
  }

  /** Forgets the `count` oldest versions and tells `forgotten`. Returns true if nothing is left of the key. */
  forget(count: number, forgotten: (version: Version) => void): boolean {
    const older = this.#older ?? [];
    const fromOlder = Math.min(count, older.length);
    for (let i = 0; i < fromOlder; i++) forgotten(older[i]!);
    this.#older = fromOlder === older.length ? undefined : older.slice(fromOlder);
    if (count <= older.length) return false;
    forgotten(this.#newest);
    return true;
  }

  #olderAt(revision: number): Version | undefined {
    return this.#older?.[this.#countUntil(revision) - 1];
  }

  /** How many of the older versions are of `revision` or before. */
  #countUntil(revision: number): number {
    const older = this.#older!;
    let low = 0;
    let high = older.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (older[middle]!.modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
