/**
 * The whole log as the core sees it: what is on disk (through {@link LogReader}) and the unstable tail above it.
 *
 * Invariant: applied <= handedOut <= committed <= lastIndex, and only entries that are on this member's disk are handed out.
 */
import { assert } from '../../lib/assert.ts';
import { ConfigurationHistory } from './configuration-history.ts';
import type { Configuration, Entry, SnapshotMeta } from './types.ts';
import { UnstableLog } from './unstable-log.ts';

const scanBytes = 1 << 20;

/** Reads what is on disk. Synchronous: implementations keep recent entries and all terms in memory. */
export interface LogReader {
  /** First index that can be read; one more than the index of what was cut off. */
  firstIndex(): number;
  lastIndex(): number;
  /** From firstIndex - 1 to lastIndex; undefined outside. */
  term(index: number): number | undefined;
  /** Entries from `low` to `high` (excluded), at least one, then up to `maxBytes` of commands. */
  entries(low: number, high: number, maxBytes: number): readonly Entry[];
  /** What to send to a follower that needs entries before firstIndex. */
  snapshot(): SnapshotMeta;
}

/** Bytes that an entry counts for in limits: its command and about what its header takes. */
export const entryOverheadBytes = 48;

export function entryBytes(entry: Pick<Entry, 'command'>): number {
  return entry.command.length + entryOverheadBytes;
}

export function limitBytes(entries: readonly Entry[], maxBytes: number): readonly Entry[] {
  let bytes = 0;
  for (let position = 0; position < entries.length; position++) {
    bytes += entryBytes(entries[position]!);
    if (bytes > maxBytes && position > 0) return entries.slice(0, position);
  }
  return entries;
}

export class RaftLog {
  readonly #stable: LogReader;
  readonly unstable: UnstableLog;
  readonly configurations: ConfigurationHistory;
  committed: number;
  /** Everything up to here was handed to the application. */
  handedOut: number;

  /** `initial` counts as long as neither the snapshot nor an entry says otherwise. */
  constructor(stable: LogReader, committed: number, applied: number, initial: Configuration) {
    this.#stable = stable;
    const { index, configuration } = stable.snapshot();
    this.configurations = new ConfigurationHistory(
      configuration ? { index, configuration } : { index: 0, configuration: initial },
    );
    this.#scanConfigurations(configuration ? index + 1 : 0);
    this.unstable = new UnstableLog(stable.lastIndex() + 1);
    this.committed = Math.max(committed, applied);
    this.handedOut = applied;
    assert(this.committed <= stable.lastIndex(), 'the log is shorter than what was committed', {
      committed: this.committed,
      lastIndex: stable.lastIndex(),
    });
  }

  #scanConfigurations(from: number): void {
    const end = this.#stable.lastIndex() + 1;
    let low = Math.max(from, this.#stable.firstIndex());
    while (low < end) {
      const entries = this.#stable.entries(low, end, scanBytes);
      this.configurations.append(entries);
      low = entries.at(-1)!.index + 1;
    }
  }

  firstIndex(): number {
    return this.unstable.snapshot ? this.unstable.snapshot.index + 1 : this.#stable.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.#stable.lastIndex();
  }

  lastTerm(): number {
    const term = this.term(this.lastIndex());
    assert(term !== undefined, 'the last entry has no term', { lastIndex: this.lastIndex() });
    return term;
  }

  /** Undefined: cut off, or not there yet. */
  term(index: number): number | undefined {
    if (index < this.firstIndex() - 1 || index > this.lastIndex()) return undefined;
    const term = this.unstable.term(index);
    if (term !== undefined) return term;
    return index < this.unstable.offset ? this.#stable.term(index) : undefined;
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  snapshot(): SnapshotMeta {
    return this.unstable.snapshot ?? this.#stable.snapshot();
  }

  /** Entries from `low` on; undefined when they were cut off. */
  entries(low: number, maxBytes: number, high = this.lastIndex() + 1): readonly Entry[] | undefined {
    if (low < this.firstIndex()) return undefined;
    if (low >= high) return [];
    const offset = this.unstable.offset;
    if (low >= offset) return limitBytes(this.unstable.entries.slice(low - offset, high - offset), maxBytes);
    const stableHigh = Math.min(high, offset);
    const stable = this.#stable.entries(low, stableHigh, maxBytes);
    if (stable.length < stableHigh - low || high <= offset) return stable;
    return limitBytes([...stable, ...this.unstable.entries.slice(0, high - offset)], maxBytes);
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (!first) return;
    assert(first.index > this.committed, 'a committed entry would be replaced', {
      first: first.index,
      committed: this.committed,
    });
    this.unstable.truncateAndAppend(entries);
    this.configurations.append(entries);
  }

  /**
   * Section 5.3: appends when the entry before agrees. Returns the index of the last new entry, or undefined when it does not agree.
   */
  maybeAppend(index: number, logTerm: number, commit: number, entries: readonly Entry[]): number | undefined {
    if (!this.matches(index, logTerm)) return undefined;
    const lastNew = index + entries.length;
    const conflict = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    if (conflict >= 0) this.append(entries.slice(conflict));
    this.commitTo(Math.min(commit, lastNew));
    return lastNew;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    assert(index <= this.lastIndex(), 'told to commit what is not in the log', { index, lastIndex: this.lastIndex() });
    this.committed = index;
  }

  /** The highest index at or below `index` whose term is at or below `term`: how far back two logs may still agree. */
  conflictIndex(index: number, term: number): { index: number; term: number } {
    let position = Math.min(index, this.lastIndex());
    for (;;) {
      const own = this.term(position);
      if (own === undefined || own <= term) return { index: position, term: own ?? 0 };
      position--;
    }
  }

  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    const ownTerm = this.lastTerm();
    return lastTerm > ownTerm || (lastTerm === ownTerm && lastIndex >= this.lastIndex());
  }

  restore(snapshot: SnapshotMeta): void {
    this.committed = snapshot.index;
    this.handedOut = snapshot.index;
    this.unstable.restore(snapshot);
    const { index, configuration = this.configurations.current.configuration } = snapshot;
    this.configurations.restore({ index, configuration });
  }

  hasCommittedToHandOut(): boolean {
    if (this.unstable.snapshot) return false;
    return this.handedOut < Math.min(this.committed, this.unstable.offset - 1);
  }

  /** Committed entries that are on this member's disk and were not handed out before. */
  takeCommitted(maxBytes: number): readonly Entry[] {
    if (!this.hasCommittedToHandOut()) return [];
    const high = Math.min(this.committed, this.unstable.offset - 1) + 1;
    const entries = this.entries(this.handedOut + 1, maxBytes, high);
    assert(entries !== undefined && entries.length > 0, 'a committed entry was cut off before it was applied', {
      handedOut: this.handedOut,
      firstIndex: this.firstIndex(),
    });
    this.handedOut = entries.at(-1)!.index;
    return entries;
  }
}
