/**
 * Read barriers of this process. All that come while a round is under way share the next one; a round without an answer is
 * repeated under a new number (reads change nothing, so that is always safe).
 *
 * An answer counts for every read that was there when its question was asked, also when the question was repeated meanwhile: where answers take
 * longer than the repetition, no read would ever be answered otherwise.
 */
export interface PendingRead {
  readonly requestId: number;
  readonly deadlineMs: number;
}

/** A read with the number of the first question that covers it. */
interface AskedRead {
  readonly read: PendingRead;
  readonly context: number;
}

export class ReadTracker {
  /** Numbers differ between process lives, so that a late answer to an earlier life means nothing. */
  #context: number;
  #queued: PendingRead[] = [];
  #asked: AskedRead[] = [];
  #repeatAtMs = 0;

  constructor(firstContext: number) {
    this.#context = firstContext;
  }

  add(read: PendingRead): void {
    this.#queued.push(read);
  }

  /** Asks when there is something to ask. `ask` returns false when no leader is known. */
  begin(nowMs: number, repeatAfterMs: number, ask: (context: number) => boolean): void {
    if (this.#asked.length > 0 && nowMs < this.#repeatAtMs) return;
    if (this.#asked.length === 0 && this.#queued.length === 0) return;
    const context = ++this.#context;
    if (!ask(context)) return;
    for (const read of this.#queued) this.#asked.push({ read, context });
    this.#queued = [];
    this.#repeatAtMs = nowMs + repeatAfterMs;
  }

  /** The reads that the answer to `context` makes safe. */
  answered(context: number): readonly PendingRead[] {
    if (context > this.#context) return [];
    const safe = this.#asked.filter((asked) => asked.context <= context).map(({ read }) => read);
    if (safe.length > 0) this.#asked = this.#asked.filter((asked) => asked.context > context);
    return safe;
  }

  expire(nowMs: number): readonly PendingRead[] {
    const isLate = (read: PendingRead) => read.deadlineMs <= nowMs;
    const late = [...this.#queued, ...this.#asked.map(({ read }) => read)].filter(isLate);
    if (late.length === 0) return late;
    this.#queued = this.#queued.filter((read) => !isLate(read));
    this.#asked = this.#asked.filter(({ read }) => !isLate(read));
    return late;
  }
}
