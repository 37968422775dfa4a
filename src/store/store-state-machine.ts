/** The store as consensus sees it: applies the log, and wakes watchers and waiters at the end of each batch. */
import { type Clock, systemClock } from '../lib/clock.ts';
import type { CommittedEntry, StateMachine } from '../raft/types.ts';
import { type ApplyResult, applyCommand, type Observer } from './apply.ts';
import { isBatch, splitBatch } from './batch.ts';
import { decodeCommand } from './command-codec.ts';
import { LeaseClock } from './lease-clock.ts';
import { maxHashMarks } from './limits.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import { State } from './state.ts';
import type { HashMark } from './types.ts';
import { WatchHub } from './watch-hub.ts';

export class StoreStateMachine implements StateMachine<ApplyResult> {
  #state = new State();
  #appliedIndex = 0;
  #hashMarks: HashMark[] = [];
  readonly watches: WatchHub;
  readonly waiters = new RevisionWaiters();
  readonly leaseClock: LeaseClock;
  readonly #observer: Observer;

  constructor(clock: Clock = systemClock) {
    this.watches = new WatchHub(this.#state, clock);
    this.leaseClock = new LeaseClock(clock);
    this.#observer = {
      onEvent: (event) => this.watches.record(event),
      onLease: (change) => this.leaseClock.changed(change),
      onHashMark: (mark) => {
        this.#hashMarks = [...this.#hashMarks, mark].slice(-maxHashMarks);
      },
    };
  }

  get state(): State {
    return this.#state;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Oldest first. */
  get hashMarks(): readonly HashMark[] {
    return this.#hashMarks;
  }

  apply(entry: CommittedEntry): ApplyResult {
    this.#appliedIndex = entry.index;
    if (entry.command.length === 0) return { type: 'none' };
    if (!isBatch(entry.command)) return this.#apply(entry, entry.command);
    return { type: 'batch', results: splitBatch(entry.command).map((command) => this.#apply(entry, command)) };
  }

  #apply(entry: CommittedEntry, command: Uint8Array): ApplyResult {
    return applyCommand(this.#state, entry, decodeCommand(command), this.#observer);
  }

  applied(lastIndex: number): void {
    this.#appliedIndex = Math.max(this.#appliedIndex, lastIndex);
    this.watches.flush();
    this.waiters.reached(this.#state.revision);
  }

  snapshot(): Iterable<Uint8Array> {
    return writeSnapshot(this.#state);
  }

  async restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void> {
    this.#state = await readSnapshot(chunks);
    this.#appliedIndex = index;
    this.#hashMarks = [];
    this.leaseClock.restored(this.#state.leases);
    this.watches.restored(this.#state);
    this.waiters.reached(this.#state.revision);
  }
}
