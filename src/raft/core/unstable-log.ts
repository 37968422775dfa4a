/**
 * The tail of the log that is not known to be on disk yet, and a snapshot that waits to be installed.
 *
 * Invariant: entries are contiguous from `offset`; what lies before `offset` is on disk. Entries that are being written
 * stay here until the write is known to be done, because a new leader may replace them meanwhile.
 */
import { assert } from '../../lib/assert.ts';
import type { Entry, SnapshotMeta } from './types.ts';

export class UnstableLog {
  offset: number;
  entries: Entry[] = [];
  snapshot: SnapshotMeta | undefined;
  /** First index that was not handed out to be written. */
  #nextToWrite: number;
  #snapshotHandedOut = false;

  constructor(offset: number) {
    this.offset = offset;
    this.#nextToWrite = offset;
  }

  lastIndex(): number | undefined {
    if (this.entries.length > 0) return this.offset + this.entries.length - 1;
    return this.snapshot?.index;
  }

  term(index: number): number | undefined {
    if (index >= this.offset) return this.entries[index - this.offset]?.term;
    return this.snapshot?.index === index ? this.snapshot.term : undefined;
  }

  /** Appends; replaces everything from the first new index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    if (first <= this.offset) {
      this.offset = first;
      this.entries = [...entries];
    } else {
      assert(first <= this.offset + this.entries.length, 'gap in the log', { first, offset: this.offset });
      this.entries.length = first - this.offset;
      for (const entry of entries) this.entries.push(entry);
    }
    this.#nextToWrite = Math.min(this.#nextToWrite, first);
  }

  restore(snapshot: SnapshotMeta): void {
    this.offset = snapshot.index + 1;
    this.entries = [];
    this.snapshot = snapshot;
    this.#nextToWrite = this.offset;
    this.#snapshotHandedOut = false;
  }

  hasUnwritten(): boolean {
    return this.#nextToWrite < this.offset + this.entries.length || (!!this.snapshot && !this.#snapshotHandedOut);
  }

  /** What must be written next; from now on it counts as being written. */
  takeUnwritten(): { entries: readonly Entry[]; snapshot: SnapshotMeta | undefined } {
    const entries = this.entries.slice(this.#nextToWrite - this.offset);
    const snapshot = this.#snapshotHandedOut ? undefined : this.snapshot;
    this.#nextToWrite = this.offset + this.entries.length;
    if (snapshot) this.#snapshotHandedOut = true;
    return { entries, snapshot };
  }

  /** The entry at `index` of `term` is on disk; ignored when it has been replaced meanwhile. */
  stableTo(index: number, term: number): void {
    if (index < this.offset || this.term(index) !== term) return;
    this.entries = this.entries.slice(index + 1 - this.offset);
    this.offset = index + 1;
    this.#nextToWrite = Math.max(this.#nextToWrite, this.offset);
  }

  stableSnapshotTo(index: number): void {
    if (this.snapshot?.index === index) this.snapshot = undefined;
  }
}
