/**
 * Read barriers of this process. All that come while a round is under way share the next one; a round without an answer is
 * repeated under a new number (reads change nothing, so that is always safe).
 */
export interface PendingRead {
  readonly requestId: number;
  readonly deadlineMs: number;
}

export class ReadTracker {
  /** Numbers differ between process lives, so that a late answer to an earlier life means nothing. */
  #context: number;
  #queued: PendingRead[] = [];
  #round: { context: number; reads: readonly PendingRead[]; repeatAtMs: number } | undefined;

  constructor(firstContext: number) {
    this.#context = firstContext;
  }

  add(read: PendingRead): void {
    this.#queued.push(read);
  }

  /** Asks when there is something to ask. `ask` returns false when no leader is known. */
  begin(nowMs: number, repeatAfterMs: number, ask: (context: number) => boolean): void {
    const overdue = this.#round !== undefined && this.#round.repeatAtMs <= nowMs;
    if (this.#round && !overdue) return;
    const reads = [...(this.#round?.reads ?? []), ...this.#queued];
    if (reads.length === 0) return;
    const context = ++this.#context;
    if (!ask(context)) return;
    this.#queued = [];
    this.#round = { context, reads, repeatAtMs: nowMs + repeatAfterMs };
  }

  /** The reads that the answer to `context` makes safe. */
  answered(context: number): readonly PendingRead[] {
    if (this.#round?.context !== context) return [];
    const { reads } = this.#round;
    this.#round = undefined;
    return reads;
  }

  expire(nowMs: number): readonly PendingRead[] {
    const late = [...this.#queued, ...(this.#round?.reads ?? [])].filter((read) => read.deadlineMs <= nowMs);
    if (late.length === 0) return late;
    this.#queued = this.#queued.filter((read) => read.deadlineMs > nowMs);
    if (this.#round) {
      const reads = this.#round.reads.filter((read) => read.deadlineMs > nowMs);
      this.#round = reads.length > 0 ? { ...this.#round, reads } : undefined;
    }
    return late;
  }
}
