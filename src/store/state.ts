/**
 * The replicated state: every key with its versions, the revision, and the revision up to which history was forgotten.
 * Changed only by `apply.ts` (and filled by a snapshot); reads are synchronous and see whole transactions.
 * No I/O, no time, no randomness: replicas that apply the same log hold the same.
 */
import { assert } from '../lib/assert.ts';
import { isTombstone, KeyHistory, tombstone } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import { StateHash } from './state-hash.ts';
import type { KeyRange, KeyValue, RangeRequest, RangeResult } from './types.ts';
import { StoreError } from './types.ts';

export const firstRevision = 1;

export class State {
  #revision = firstRevision;
  #compactedRevision = firstRevision;
  readonly #keys = new KeyIndex<KeyHistory>();
  readonly #hash = new StateHash();

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  /** Over every version that is kept and both revisions. */
  hash(): string {
    return `${this.#hash.digest()}-${this.#revision.toString(16)}-${this.#compactedRevision.toString(16)}`;
  }

  current(key: string): KeyValue | undefined {
    return this.#keys.get(key)?.current;
  }

  /** @throws StoreError compacted, future-revision */
  get(key: string, revision?: number): KeyValue | undefined {
    if (revision === undefined) return this.current(key);
    this.#checkReadable(revision);
    return this.#keys.get(key)?.at(revision);
  }

  /** @throws StoreError compacted, future-revision */
  range(request: RangeRequest): RangeResult {
    const revision = request.revision ?? this.#revision;
    this.#checkReadable(revision);
    const limit = request.limit || Number.POSITIVE_INFINITY;
    const items: KeyValue[] = [];
    let count = 0;
    this.#keys.scan(request.key, request.end, (history) => {
      const version = history.at(revision);
      if (version !== undefined && ++count <= limit) items.push(version);
      return true;
    });
    return { items, revision, more: count > items.length, count };
  }

  /** What is there now, in order, until `visit` returns false. */
  scanCurrent(range: KeyRange, visit: (item: KeyValue) => boolean): void {
    this.#keys.scan(range.key, range.end, (history) => {
      const { current } = history;
      return current === undefined || visit(current);
    });
  }

  /** Every version of the range's keys, tombstones included, in order of key, then revision. */
  forEachVersion(range: KeyRange, visit: (version: KeyValue, previous: KeyValue | undefined) => void): void {
    this.#keys.scan(range.key, range.end, (history) => {
      history.forEach(visit);
      return true;
    });
  }

  /** Writes at `revision`, which the caller then makes current with {@link advance}. Returns the new version. */
  put(key: string, value: Uint8Array, revision: number): KeyValue {
    const history = this.#keys.get(key);
    const previous = history?.current;
    const version: KeyValue = {
      // The key's one string is shared by its versions.
      key: history?.key ?? key,
      value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
    };
    this.#add(history, version);
    return version;
  }

  /** Returns the tombstone. */
  delete(key: string, revision: number): KeyValue {
    const history = this.#keys.get(key);
    assert(history?.current, 'delete of a key that is not there', { key });
    const version = tombstone(history.key, revision);
    this.#add(history, version);
    return version;
  }

  advance(revision: number): void {
    assert(revision === this.#revision + 1, 'revisions move by one', { from: this.#revision, to: revision });
    this.#revision = revision;
  }

  /**
   * For a state that was restored: revisions go on behind all that clients may have seen of the one that was lost, and whoever
   * watches from before must list again.
   */
  skipTo(revision: number): void {
    assert(revision > this.#revision, 'revisions go up', { from: this.#revision, to: revision });
    this.#revision = revision;
    this.#compactedRevision = revision;
  }

  /** From now on nothing older than `revision` can be read. */
  setCompactedRevision(revision: number): void {
    assert(revision <= this.#revision, 'compaction of the future', { revision, current: this.#revision });
    this.#compactedRevision = Math.max(this.#compactedRevision, revision);
  }

  /** Forgets unreadable versions of up to `maxKeys` keys from `key` on. Returns the key to go on with, or undefined at the end. */
  compactKeys(key: string, maxKeys: number): string | undefined {
    const emptied: string[] = [];
    let visited = 0;
    let nextKey: string | undefined;
    this.#keys.scan(key, '', (history) => {
      if (visited++ === maxKeys) {
        nextKey = history.key;
        return false;
      }
      if (history.compact(this.#compactedRevision, (version) => this.#hash.remove(version))) emptied.push(history.key);
      return true;
    });
    for (const gone of emptied) this.#keys.delete(gone);
    return nextKey;
  }

  /** For a snapshot's reader: versions come in order of key, then revision. */
  load(version: KeyValue): void {
    assert(version.modRevision <= this.#revision, 'version from the future', { ...version, value: undefined });
    const history = this.#keys.get(version.key);
    const newest = history?.newest;
    assert(!newest || newest.modRevision < version.modRevision, 'versions out of order', { key: version.key });
    this.#add(history, version);
  }

  /** For a snapshot's reader. */
  loadRevisions(revision: number, compactedRevision: number): void {
    assert(this.#keys.size === 0, 'a snapshot is loaded into an empty state');
    this.#revision = revision;
    this.#compactedRevision = compactedRevision;
  }

  #add(history: KeyHistory | undefined, version: KeyValue): void {
    if (history) history.push(version);
    else {
      assert(!isTombstone(version), 'a tombstone of nothing', { key: version.key });
      this.#keys.set(version.key, new KeyHistory(version));
    }
    this.#hash.add(version);
  }

  #checkReadable(revision: number): void {
    if (revision > this.#revision)
      throw new StoreError('future-revision', `revision ${revision} is after the current one, ${this.#revision}`);
    if (revision < this.#compactedRevision)
      throw new StoreError('compacted', `revision ${revision} was compacted; the oldest is ${this.#compactedRevision}`);
  }
}
