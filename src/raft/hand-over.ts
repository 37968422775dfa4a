/**
 * When a leader gives leadership away because its application or its disk stands still. Pure: time comes in.
 *
 * On a machine that is overloaded as a whole every member stands still now and then, and whoever takes over soon does, too. So a member that
 * has given leadership away keeps it for a while when it has it again, longer each time: a cluster cannot spend its time on elections.
 */
export type StallReason = 'application' | 'disk';

/** For how long leadership is kept after it came back; doubled each time up to the second, forgotten when none was given away for so long. */
export const firstHoldMs = 10_000;
const longestHoldMs = 80_000;
const forgottenAfterMs = 300_000;
/** By then an attempt has moved leadership, or another may be made. */
const attemptMs = 1_000;

interface Given {
  readonly atMs: number;
  readonly holdMs: number;
}

export class HandOver {
  readonly #given = new Map<StallReason, Given>();
  #attempt: { readonly reason: StallReason; readonly atMs: number } | undefined;
  #led: { readonly term: number; readonly sinceMs: number } | undefined;

  /** To be called before {@link may}: the term that this member leads now, if it does. */
  observe(leaderTerm: number | undefined, nowMs: number): void {
    const led = this.#led;
    if (led?.term === leaderTerm) return;
    this.#led = leaderTerm === undefined ? undefined : { term: leaderTerm, sinceMs: nowMs };
    if (led && this.#attempt && nowMs - this.#attempt.atMs <= attemptMs) this.#moved(this.#attempt.reason, nowMs);
    this.#attempt = undefined;
  }

  /** Of a member that leads. */
  may(reason: StallReason, nowMs: number): boolean {
    if (this.#attempt && nowMs - this.#attempt.atMs < attemptMs) return false;
    const given = this.#recent(reason, nowMs);
    return given === undefined || nowMs - (this.#led?.sinceMs ?? nowMs) >= given.holdMs;
  }

  /** Somebody was told to take over. */
  begun(reason: StallReason, nowMs: number): void {
    this.#attempt = { reason, atMs: nowMs };
  }

  #moved(reason: StallReason, nowMs: number): void {
    const before = this.#recent(reason, nowMs);
    this.#given.set(reason, {
      atMs: nowMs,
      holdMs: before ? Math.min(longestHoldMs, before.holdMs * 2) : firstHoldMs,
    });
  }

  #recent(reason: StallReason, nowMs: number): Given | undefined {
    const given = this.#given.get(reason);
    return given && nowMs - given.atMs < forgottenAfterMs ? given : undefined;
  }
}
