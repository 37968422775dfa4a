/** The store as consensus sees it: applies the log, and wakes watchers and waiters at the end of each batch. */
import type { CommittedEntry, StateMachine } from '../raft/types.ts';
import { type ApplyResult, applyCommand } from './apply.ts';
import { decodeCommand } from './command-codec.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import { State } from './state.ts';
import type { WatchEvent } from './types.ts';
import { WatchHub } from './watch-hub.ts';

export class StoreStateMachine implements StateMachine<ApplyResult> {
  #state = new State();
  #appliedIndex = 0;
  readonly watches = new WatchHub(this.#state);
  readonly waiters = new RevisionWaiters();
  readonly #onEvent = (event: WatchEvent): void => this.watches.record(event);

  get state(): State {
    return this.#state;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  apply(entry: CommittedEntry): ApplyResult {
    this.#appliedIndex = entry.index;
    if (entry.command.length === 0) return { type: 'none' };
    return applyCommand(this.#state, entry.term, decodeCommand(entry.command), this.#onEvent);
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
    this.watches.restored(this.#state);
    this.waiters.reached(this.#state.revision);
  }
}
