/**
 * What a member's disk is known to hold, seen from outside: fed with the batches that its storage was given and has called done. From it follow
 * two invariants: nothing is promised to a peer that is not on disk, and nothing that was on disk is gone after a crash.
 */
import type { SnapshotMeta } from '../../src/raft/core/types.ts';
import type { LogStorage, LogWrite } from '../../src/raft/log-storage.ts';
import type { Judge } from './violation.ts';

export class DurableLog {
  readonly #id: number;
  readonly #judge: Judge;
  term = 0;
  vote = 0;
  /** The last entry before the first one that is here. */
  #base: SnapshotMeta = { index: 0, term: 0 };
  #terms: number[] = [];
  /** Given to the storage, not known to be on disk. */
  readonly #pending = new Set<LogWrite>();
  #wasPending = false;
  /** Damaged or replaced by a nemesis: what is there next is taken as it is. */
  forgiven = false;

  constructor(id: number, judge: Judge) {
    this.#id = id;
    this.#judge = judge;
  }

  get lastIndex(): number {
    return this.#base.index + this.#terms.length;
  }

  /** Whether the entry is here, or behind a snapshot. */
  has(index: number, term: number): boolean {
    return index <= this.#base.index || this.#terms[index - this.#base.index - 1] === term;
  }

  /** Watches what the member's storage does; `onVote` is told of each durable vote. */
  observe(storage: LogStorage, onVote: (term: number, vote: number) => void): void {
    const write = storage.write.bind(storage);
    storage.write = (batch, done) => {
      this.#pending.add(batch);
      write(batch, () => {
        // Without a sync the next one brings it to disk as well.
        if (batch.sync) this.#sync(batch, onVote);
        done();
      });
    };
    this.#reload(storage, onVote);
  }

  crashed(): void {
    this.#wasPending = this.#pending.size > 0;
    this.#pending.clear();
  }

  #sync(last: LogWrite, onVote: (term: number, vote: number) => void): void {
    for (const batch of this.#pending) {
      this.#pending.delete(batch);
      const { hardState, snapshot, entries = [] } = batch;
      if (hardState) {
        const voted = hardState.vote !== 0 && (hardState.term !== this.term || hardState.vote !== this.vote);
        this.term = hardState.term;
        this.vote = hardState.vote;
        if (voted) onVote(this.term, this.vote);
      }
      if (snapshot) {
        this.#base = snapshot;
        this.#terms = [];
      }
      const first = entries[0];
      if (first) {
        this.#terms.length = Math.min(this.#terms.length, Math.max(0, first.index - this.#base.index - 1));
        for (const entry of entries) if (entry.index > this.#base.index) this.#terms.push(entry.term);
      }
      if (batch === last) return;
    }
  }

  #reload(storage: LogStorage, onVote: (term: number, vote: number) => void): void {
    const { term, vote } = storage.hardState();
    const first = storage.firstIndex();
    const terms: number[] = [];
    for (let index = first; index <= storage.lastIndex(); index++) terms.push(storage.term(index)!);
    if (!this.forgiven && !this.#wasPending) {
      if (term < this.term || (term === this.term && this.vote !== 0 && vote !== this.vote))
        this.#judge.violation(
          'durability',
          `member ${this.#id} had term ${this.term} and vote ${this.vote} on disk, after its restart ${term} and ${vote}`,
        );
      for (let index = Math.max(first, this.#base.index + 1); index <= this.lastIndex; index++)
        if (terms[index - first] !== this.#terms[index - this.#base.index - 1])
          this.#judge.violation(
            'durability',
            `member ${this.#id} had entry ${index} on disk; after its restart it is not there`,
          );
    }
    const voted = vote !== 0 && (term !== this.term || vote !== this.vote);
    this.term = term;
    this.vote = vote;
    if (voted) onVote(term, vote);
    this.#base = { index: first - 1, term: storage.term(first - 1) ?? 0 };
    this.#terms = terms;
    this.#wasPending = false;
    this.forgiven = false;
  }
}
