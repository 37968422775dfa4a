/**
 * The terms of a stretch of the log, kept as runs: terms change seldom, so the term of every index fits in a few numbers.
 *
 * Invariant: runs ascend in index and term; the first run begins at the first known index.
 */
import { assert } from '../lib/assert.ts';

export class TermRuns {
  #runs: { first: number; term: number }[];

  constructor(index: number, term: number) {
    this.#runs = [{ first: index, term }];
  }

  /** The term of `index`, which must not be beyond what was added. */
  term(index: number): number | undefined {
    let low = 0;
    let high = this.#runs.length - 1;
    if (index < this.#runs[0]!.first) return undefined;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.first <= index) low = middle;
      else high = middle - 1;
    }
    return this.#runs[low]!.term;
  }

  add(index: number, term: number): void {
    const last = this.#runs.at(-1)!;
    assert(term >= last.term && index >= last.first, 'terms in the log go back', { index, term, last });
    if (term > last.term) this.#runs.push({ first: index, term });
  }

  /** Forgets everything from `index` on; `index` must not be the first. */
  truncateFrom(index: number): void {
    while (this.#runs.length > 1 && this.#runs.at(-1)!.first >= index) this.#runs.pop();
  }

  /** Makes `index` the first known one. */
  cutTo(index: number): void {
    const term = this.term(index)!;
    this.#runs = [{ first: index, term }, ...this.#runs.filter((run) => run.first > index)];
  }
}
