/**
 * One key and its versions. A deletion is a version too: a tombstone, with `version` 0 and no bytes. Invariant: versions are in order
 * of `modRevision`, and a tombstone never stands first once everything before it has been compacted.
 */
import type { KeyValue } from './types.ts';

export const noBytes: Uint8Array = new Uint8Array(0);

export function isTombstone(version: KeyValue): boolean {
  return version.version === 0;
}

export function tombstone(key: string, revision: number): KeyValue {
  return { key, value: noBytes, createRevision: 0, modRevision: revision, version: 0 };
}

export class KeyHistory {
  readonly key: string;
  #newest: KeyValue;
  /** All but the newest, oldest first. Absent for the many keys that have one version only. */
  #older: KeyValue[] | undefined;

  constructor(first: KeyValue) {
    this.key = first.key;
    this.#newest = first;
  }

  /** A tombstone if the key is deleted. */
  get newest(): KeyValue {
    return this.#newest;
  }

  /** What the key is now. */
  get current(): KeyValue | undefined {
    return isTombstone(this.#newest) ? undefined : this.#newest;
  }

  push(version: KeyValue): void {
    if (this.#older) this.#older.push(this.#newest);
    else this.#older = [this.#newest];
    this.#newest = version;
  }

  /** What the key was at `revision`. */
  at(revision: number): KeyValue | undefined {
    const version = this.#newest.modRevision <= revision ? this.#newest : this.#olderAt(revision);
    return version === undefined || isTombstone(version) ? undefined : version;
  }

  /** Every version, oldest first, with the one before it. */
  forEach(visit: (version: KeyValue, previous: KeyValue | undefined) => void): void {
    let previous: KeyValue | undefined;
    for (const version of this.#older ?? []) {
      visit(version, previous);
      previous = version;
    }
    visit(this.#newest, previous);
  }

  /** Forgets what cannot be read at `revision` or later and tells `forgotten`. Returns true if nothing is left of the key. */
  compact(revision: number, forgotten: (version: KeyValue) => void): boolean {
    if (this.#newest.modRevision <= revision) {
      for (const version of this.#older ?? []) forgotten(version);
      this.#older = undefined;
      if (!isTombstone(this.#newest)) return false;
      forgotten(this.#newest);
      return true;
    }
    if (!this.#older) return false;
    let first = 0;
    while (first < this.#older.length && this.#older[first]!.modRevision <= revision) first++;
    // The last of these is what the key was at `revision`, unless it was deleted then.
    if (first > 0 && !isTombstone(this.#older[first - 1]!)) first--;
    for (let i = 0; i < first; i++) forgotten(this.#older[i]!);
    this.#older = first === this.#older.length ? undefined : this.#older.slice(first);
    return false;
  }

  #olderAt(revision: number): KeyValue | undefined {
    if (!this.#older) return undefined;
    let low = 0;
    let high = this.#older.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#older[middle]!.modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#older[low - 1];
  }
}
