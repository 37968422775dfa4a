/**
 * The proposals of this process that are not settled yet, and what can be proven about them.
 *
 * A proposal is *waiting* (certainly not in any log) or *sent*: appended by this member as leader, or forwarded, in a term T that the
 * receiver checks. A sent one may be in the log until it is seen committed, or until one of these proves that it never will be:
 *
 * - the receiver refused the attempt;
 * - an entry of a term above T was committed here: the log's terms ascend, so every entry of T that will ever be committed came before.
 *
 * Then it is waiting again. So no proposal is ever in the log twice, and `unknown` is said only when nothing is proven by the deadline
 * (or when a snapshot jumped over the place where the proof would be).
 */
import type { Entry, ProposedEntry } from './core/types.ts';
import type { ProposalErrorCode } from './types.ts';

export interface PendingProposal {
  readonly proposed: ProposedEntry;
  /** On the loop's clock. */
  readonly deadlineMs: number;
}

interface SentProposal extends PendingProposal {
  term: number;
  attempt: number;
}

export type ProposalFailure = { readonly sequence: number; readonly code: ProposalErrorCode; readonly message: string };

export class ProposalTracker {
  readonly #origin: number;
  readonly #fail: (failures: readonly ProposalFailure[]) => void;
  #waiting: PendingProposal[] = [];
  readonly #sent = new Map<number, SentProposal>();
  #committedTerm = 0;

  constructor(origin: number, fail: (failures: readonly ProposalFailure[]) => void) {
    this.#origin = origin;
    this.#fail = fail;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get sentCount(): number {
    return this.#sent.size;
  }

  add(pending: readonly PendingProposal[]): void {
    for (const one of pending) this.#waiting.push(one);
  }

  /**
   * Some of what waits, at least one when any does; a membership change comes alone, since it is refused alone. The caller must give it
   * to `sent`, `keep` or `failed`.
   */
  take(maxBytes: number): readonly PendingProposal[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes < maxBytes)) {
      const { kind, command } = this.#waiting[count]!.proposed;
      if (kind === 'change' && count > 0) break;
      count++;
      bytes += command.length;
      if (kind === 'change') break;
    }
    return this.#waiting.splice(0, count);
  }

  keep(taken: readonly PendingProposal[]): void {
    this.#waiting.unshift(...taken);
  }

  sent(taken: readonly PendingProposal[], term: number, attempt: number): void {
    for (const { proposed, deadlineMs } of taken)
      this.#sent.set(proposed.sequence, { proposed, deadlineMs, term, attempt });
  }

  failed(taken: readonly PendingProposal[], code: ProposalErrorCode, message: string): void {
    this.#fail(taken.map(({ proposed }) => ({ sequence: proposed.sequence, code, message })));
  }

  /** The receiver says that this attempt did not come into its log. Returns what was in it and waits again. */
  refused(attempt: number): number {
    return this.#release((sent) => sent.attempt === attempt);
  }

  /** The receiver says so because it has too much to do. */
  overloaded(attempt: number): void {
    this.#failAttempt(attempt, 'overloaded', 'the leader has too many proposals in flight; try again later');
  }

  /** The receiver says that this attempt is not allowed: nothing that trying again could change. */
  rejected(attempt: number, message: string): void {
    this.#failAttempt(attempt, 'refused', message);
  }

  #failAttempt(attempt: number, code: ProposalErrorCode, message: string): void {
    const shed = [...this.#sent.values()].filter((sent) => sent.attempt === attempt);
    for (const { proposed } of shed) this.#sent.delete(proposed.sequence);
    this.failed(shed, code, message);
  }

  /** Entries were committed, in log order. True: some proposals are proven not to be in the log and wait again. */
  committed(entries: readonly Entry[]): boolean {
    let released = 0;
    for (const { origin, sequence, term } of entries) {
      if (origin === this.#origin) this.#sent.delete(sequence);
      if (term <= this.#committedTerm) continue;
      this.#committedTerm = term;
      released += this.#release((sent) => sent.term < term);
    }
    return released > 0;
  }

  /** A snapshot that ends in `term` replaced the log: what was sent up to then may be in it. */
  restored(term: number): void {
    this.#committedTerm = Math.max(this.#committedTerm, term);
    const lost = [...this.#sent.values()].filter((sent) => sent.term <= term);
    for (const { proposed } of lost) this.#sent.delete(proposed.sequence);
    if (lost.length > 0) this.failed(lost, 'unknown', 'this member caught up by a snapshot; read before trying again');
  }

  expire(nowMs: number): void {
    const late = this.#waiting.filter((pending) => pending.deadlineMs <= nowMs);
    if (late.length > 0) {
      this.#waiting = this.#waiting.filter((pending) => pending.deadlineMs > nowMs);
      this.failed(late, 'no-leader', 'no leader took the proposal before its deadline');
    }
    const unknown: SentProposal[] = [];
    for (const sent of this.#sent.values()) if (sent.deadlineMs <= nowMs) unknown.push(sent);
    for (const { proposed } of unknown) this.#sent.delete(proposed.sequence);
    if (unknown.length > 0)
      this.failed(unknown, 'unknown', 'not committed before the deadline; read before trying again');
  }

  #release(which: (sent: SentProposal) => boolean): number {
    const released = [...this.#sent.values()].filter(which);
    for (const { proposed } of released) this.#sent.delete(proposed.sequence);
    this.#waiting.unshift(...released.map(({ proposed, deadlineMs }) => ({ proposed, deadlineMs })));
    return released.length;
  }
}
