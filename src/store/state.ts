/**
 * The replicated state: every key with its versions, the leases, the revision, and the revision up to which history was forgotten.
 * Changed only by `apply.ts` (and filled by a snapshot); reads are synchronous and see whole transactions.
 * No I/O, no time, no randomness: replicas that apply the same log hold the same.
 */
import { assert } from '../lib/assert.ts';
import { KeyHistory } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import { LeaseTable, leaseOverheadBytes } from './lease-table.ts';
import { answerRange } from './range.ts';
import { StateHash } from './state-hash.ts';
import { StateScan } from './state-scan.ts';
import type { KeyRange, KeyValue, RangeAnswer, RangeOptions, RangeRequest, RangeResult } from './types.ts';
import { StoreError } from './types.ts';
import { ValueMemory } from './value-memory.ts';
import { isTombstone, noBytes, Version } from './version.ts';

export const firstRevision = 1;

/** What a version and a key take beside their bytes, about. Part of the state: the same everywhere. */
const versionOverheadBytes = 130;
const keyOverheadBytes = 120;

/** Work that one compaction command may do, by number of versions and by bytes that are hashed once more as they go. */
const compactionBytesPerUnit = 2_048;
const keysPerUnit = 8;

export class State {
  #revision = firstRevision;
  #compactedRevision = firstRevision;
  #versions = 0;
  #liveBytes = 0;
  #historyBytes = 0;
  readonly #keys = new KeyIndex<KeyHistory>();
  readonly #hash = new StateHash();
  readonly #leaseHash = new StateHash();
  readonly #memory = new ValueMemory();
  readonly leases = new LeaseTable(this.#leaseHash);
  /** Readers of a state that moves on. Weak: one that nobody reads any more is no reason to keep things. */
  readonly #scans = new Set<WeakRef<StateScan>>();

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  get versions(): number {
    return this.#versions;
  }

  get keys(): number {
    return this.#keys.size;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  get historyBytes(): number {
    return this.#historyBytes;
  }

  get bytes(): number {
    return (
      this.#liveBytes + this.#historyBytes + this.#keys.size * keyOverheadBytes + this.leases.size * leaseOverheadBytes
    );
  }

  get allocatedBytes(): number {
    return this.#memory.allocatedBytes;
  }

  /** Over every version that is kept, every lease and both revisions. */
  hash(): string {
    const leases = this.leases.size === 0 ? '' : `-${this.#leaseHash.digest()}`;
    return `${this.#hash.digest()}-${this.#revision.toString(16)}-${this.#compactedRevision.toString(16)}${leases}`;
  }

  /** Of the versions alone. */
  versionsHash(): string {
    return this.#hash.digest();
  }

  leasesHash(): string {
    return this.#leaseHash.digest();
  }

  current(key: string): KeyValue | undefined {
    return this.#keys.get(key)?.current;
  }

  /** @throws StoreError compacted, future-revision */
  get(key: string, revision?: number): KeyValue | undefined {
    if (revision === undefined) return this.current(key);
    this.checkReadable(revision);
    return this.#keys.get(key)?.at(revision);
  }

  /** @throws StoreError compacted, future-revision */
  range(request: RangeRequest): RangeResult {
    const answer = this.answer(request, request);
    return { ...answer, revision: request.revision || this.#revision };
  }

  /** Like {@link range}; without a revision it sees what the transaction under way has written. */
  answer(range: KeyRange, options: RangeOptions): RangeAnswer {
    const revision = options.revision || undefined;
    if (revision !== undefined) this.checkReadable(revision);
    return answerRange(this.#keys, range, revision, options);
  }

  /** The version of the same key before this one, a tombstone perhaps. */
  before(version: Version): Version | undefined {
    return this.#keys.get(version.key)?.before(version);
  }

  /** What is there now, in order, until `visit` returns false. */
  scanCurrent(range: KeyRange, visit: (item: Version) => boolean): void {
    this.#keys.scan(range.key, range.end, (history) => {
      const { current } = history;
      return current === undefined || visit(current);
    });
  }

  /** Every version of the range's keys, tombstones included, in order of key, then revision. */
  forEachVersion(range: KeyRange, visit: (version: Version, previous: Version | undefined) => void): void {
    this.#keys.scan(range.key, range.end, (history) => {
      history.forEach(visit);
      return true;
    });
  }

  /** The keys' histories from `key` on, until `visit` returns false. */
  scanHistories(key: string, visit: (history: KeyHistory) => boolean): void {
    this.#keys.scan(key, '', visit);
  }

  /**
   * Writes at `revision`, which the caller then makes current with {@link advance}. A `value` or `leaseId` of 'keep' is that of the key as it is.
   */
  put(
    key: string,
    value: Uint8Array | 'keep',
    leaseId: bigint | undefined | 'keep',
    revision: number,
  ): { current: Version; previous: Version | undefined } {
    const history = this.#keys.get(key);
    const previous = history?.current;
    const lease = leaseId === 'keep' ? previous?.leaseId : leaseId;
    const current = new Version(
      // The key's one string is shared by its versions, and the lease's one number by its keys.
      history?.key ?? key,
      previous?.createRevision ?? revision,
      revision,
      (previous?.version ?? 0) + 1,
      lease === undefined ? undefined : (this.leases.get(lease)?.id ?? lease),
    );
    this.#add(history, current, value === 'keep' ? (previous?.value ?? noBytes) : value);
    return { current, previous };
  }

  /** Returns the tombstone. */
  delete(key: string, revision: number): Version {
    const history = this.#keys.get(key);
    assert(history?.current, 'delete of a key that is not there', { key });
    const version = new Version(history.key, 0, revision, 0);
    this.#add(history, version, noBytes);
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
    return this.#compact(key, (visited) => visited < maxKeys, Number.POSITIVE_INFINITY);
  }

  /** The same for so many units of work: a unit is some keys, or a version, or some bytes. One key may need several calls. */
  compactUnits(key: string, maxUnits: number): string | undefined {
    return this.#compact(key, (visited, units) => units + visited / keysPerUnit < maxUnits, maxUnits);
  }

  /** For a snapshot's reader: versions come in order of key, then revision; leases before them. */
  load(version: Version, value: Uint8Array): void {
    assert(version.modRevision <= this.#revision, 'version from the future', {
      key: version.key,
      revision: version.modRevision,
    });
    const history = this.#keys.get(version.key);
    const newest = history?.newest;
    assert(!newest || newest.modRevision <= version.modRevision, 'versions out of order', { key: version.key });
    this.#add(history, version, value);
  }

  /** For a snapshot's reader. */
  loadRevisions(revision: number, compactedRevision: number): void {
    assert(this.#keys.size === 0, 'a snapshot is loaded into an empty state');
    this.#revision = revision;
    this.#compactedRevision = compactedRevision;
  }

  /** The versions of this moment, to be read bit by bit while the state moves on. */
  scan(options: { readonly rehash?: boolean } = {}): StateScan {
    const scan = new StateScan(this, this.#revision, options.rehash ?? false);
    this.#scans.add(new WeakRef(scan));
    return scan;
  }

  /** @throws StoreError compacted, future-revision */
  checkReadable(revision: number): void {
    if (revision > this.#revision)
      throw new StoreError('future-revision', `revision ${revision} is after the current one, ${this.#revision}`);
    if (revision < this.#compactedRevision)
      throw new StoreError('compacted', `revision ${revision} was compacted; the oldest is ${this.#compactedRevision}`);
  }

  #add(history: KeyHistory | undefined, version: Version, value: Uint8Array): void {
    this.#memory.hold(version, value);
    const before = history?.current;
    if (history) history.push(version);
    else this.#keys.set(version.key, new KeyHistory(version));
    this.#versions++;
    if (before) {
      this.#liveBytes -= costOf(before);
      this.#historyBytes += costOf(before);
    }
    if (isTombstone(version)) this.#historyBytes += costOf(version);
    else this.#liveBytes += costOf(version);
    if (before?.leaseId !== undefined || version.leaseId !== undefined) this.leases.moveKey(before, version);
    this.#hash.add(version);
    if (this.#scans.size > 0) this.#forEachScan((scan) => scan.added(version));
  }

  #compact(key: string, goesOn: (visited: number, units: number) => boolean, maxUnits: number): string | undefined {
    const emptied: string[] = [];
    let visited = 0;
    let units = 0;
    let nextKey: string | undefined;
    const forget = (version: Version): void => {
      units += unitsOf(version);
      this.#versions--;
      this.#historyBytes -= costOf(version);
      this.#hash.remove(version);
      if (this.#scans.size > 0) this.#forEachScan((scan) => scan.removed(version));
      this.#memory.release(version);
    };
    this.#keys.scan(key, '', (history) => {
      if (!goesOn(visited, units)) {
        nextKey = history.key;
        return false;
      }
      visited++;
      const all = history.unreadable(this.#compactedRevision);
      if (all === 0) return true;
      this.#forEachScan((scan) => scan.keep(history));
      const count = maxUnits === Number.POSITIVE_INFINITY ? all : history.affordable(all, maxUnits - units, unitsOf);
      if (history.forget(count, forget)) emptied.push(history.key);
      if (count < all) nextKey = history.key;
      return count === all;
    });
    for (const gone of emptied) this.#keys.delete(gone);
    return nextKey;
  }

  #forEachScan(visit: (scan: StateScan) => void): void {
    for (const ref of this.#scans) {
      const scan = ref.deref();
      if (scan && !scan.done) visit(scan);
      else this.#scans.delete(ref);
    }
  }
}

function unitsOf(version: Version): number {
  return 1 + version.length / compactionBytesPerUnit;
}

function costOf(version: Version): number {
  return version.key.length + version.length + versionOverheadBytes;
}
