/**
 * The leader's view of one follower.
 *
 * - `probe`: where the logs agree is not known; one append at a time, the next after an answer or a heartbeat response.
 * - `replicate`: appends are pipelined up to the in-flight limit; `next` moves when a message is sent.
 * - `snapshot`: the follower needs entries that the log no longer has; nothing is sent until the snapshot is there or has failed.
 *
 * Invariant: `match` < `next`.
 */
import { Inflights } from './inflights.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export class Progress {
  state: ProgressState = 'probe';
  /** Highest index known to be on the follower's disk. */
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  /** Highest commit index that the follower was told. */
  sentCommit = 0;
  /** Somebody at the follower waits until this is committed. */
  expects = 0;
  /** In `snapshot`: the index of the snapshot on its way. */
  pendingSnapshot = 0;
  /** In `probe`: an append is on its way. */
  probeSent = false;
  /** False: it says that its application or disk makes no progress. */
  mayLead = true;
  /** Transfers of snapshots that failed in a row, and the tick before which none is begun. */
  failedSnapshots = 0;
  nextSnapshotTick = 0;
  /** The tick in which the follower was last heard of. */
  heardTick = Number.NEGATIVE_INFINITY;
  readonly inflights: Inflights;
  /** Section 4.2.1: replication in rounds, each for what the log had when it began. `since`: when it began. */
  #round = { end: 0, since: 0 };
  /** Since when every round has taken less than an election timeout; undefined: the last one took longer. */
  #caughtUpSince: number | undefined;

  constructor(next: number, maxInflightMessages: number, maxInflightBytes: number) {
    this.next = next;
    this.inflights = new Inflights(maxInflightMessages, maxInflightBytes);
  }

  becomeProbe(): void {
    this.next = Math.max(this.match + 1, this.state === 'snapshot' ? this.pendingSnapshot + 1 : 0);
    this.#become('probe');
  }

  becomeReplicate(): void {
    this.#become('replicate');
    this.next = this.match + 1;
  }

  /** A transfer has ended. After a failure the next one waits, twice as long each time, for `baseTicks` to 32 times that, give or take. */
  snapshotEnded(ok: boolean, nowTick: number, baseTicks: number, random: number): void {
    const factor = 2 ** Math.min(this.failedSnapshots, 5);
    this.failedSnapshots = ok ? 0 : this.failedSnapshots + 1;
    this.nextSnapshotTick = ok ? 0 : nowTick + Math.ceil(baseTicks * factor * (0.5 + random));
  }

  becomeSnapshot(index: number): void {
    this.#become('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
  }

  #become(state: ProgressState): void {
    this.state = state;
    this.pendingSnapshot = 0;
    this.probeSent = false;
    this.inflights.reset();
    // Whatever was sent before may be lost.
    this.sentCommit = 0;
  }

  /** The follower has acknowledged something: a round may be over. */
  noteRound(lastIndex: number, nowTick: number, limitTicks: number): void {
    if (this.match < this.#round.end) return;
    const quick = nowTick - this.#round.since <= limitTicks || this.match === lastIndex;
    if (!quick) this.#caughtUpSince = undefined;
    else this.#caughtUpSince ??= nowTick;
    this.#round = { end: lastIndex, since: nowTick };
  }

  /** For how many ticks the follower has kept up; undefined: it does not, or was not heard of within `limitTicks`. */
  caughtUpTicks(lastIndex: number, nowTick: number, limitTicks: number): number | undefined {
    if (this.state !== 'replicate' || nowTick - this.heardTick > limitTicks) this.#caughtUpSince = undefined;
    const waiting = this.match < Math.min(this.#round.end, lastIndex) && nowTick - this.#round.since > limitTicks;
    if (waiting) this.#caughtUpSince = undefined;
    return this.#caughtUpSince === undefined ? undefined : nowTick - this.#caughtUpSince;
  }

  paused(): boolean {
    switch (this.state) {
      case 'probe':
        return this.probeSent;
      case 'replicate':
        return this.inflights.full();
      case 'snapshot':
        return true;
    }
  }

  /** An append with entries up to `lastIndex` was sent. */
  sent(lastIndex: number, bytes: number): void {
    if (this.state === 'replicate') {
      this.next = lastIndex + 1;
      this.inflights.add(lastIndex, bytes);
    } else {
      this.probeSent = true;
    }
  }

  /** The follower acknowledged `index`. False: stale, nothing new. */
  maybeUpdate(index: number): boolean {
    this.next = Math.max(this.next, index + 1);
    if (index <= this.match) return false;
    this.match = index;
    this.probeSent = false;
    return true;
  }

  /**
   * The follower refused an append after `rejected`; the logs agree at `hint` at most. False: a stale refusal.
   */
  maybeDecrease(rejected: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      return true;
    }
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    return true;
  }
}
