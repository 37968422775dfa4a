/**
 * When this replica takes leases to be over. Beside the state, because clocks differ: only the leader's view counts, and only through the log.
 *
 * A deadline runs from the moment at which this replica applied the grant or the last renewal, which is after the client asked for it, so whoever
 * leads next does not cut it short. It is measured on a monotonic clock, and time in which this process did not run (`delay`) or nobody led
 * (`extend`) does not count, for clients could not renew then. After a restart deadlines run from what the last checkpoint said was left.
 */
import type { Clock } from '../lib/clock.ts';
import type { SeenLease } from './command.ts';
import type { LeaseChange } from './lease-commands.ts';
import type { LeaseRecord, LeaseTable } from './lease-table.ts';

interface Deadline {
  atMs: number;
  /** Of the last renewal or checkpoint. */
  knownAtMs: number;
}

export class LeaseClock {
  readonly #clock: Clock;
  readonly #deadlines = new Map<LeaseRecord, Deadline>();
  /** Time that does not count. */
  #lostMs = 0;
  /** None is due before. */
  #earliestMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed({ type, lease }: LeaseChange): void {
    if (type === 'revoked') this.#deadlines.delete(lease);
    else this.#start(lease);
  }

  restored(leases: LeaseTable): void {
    this.#deadlines.clear();
    for (const lease of leases.values()) this.#start(lease);
  }

  remainingMs(lease: LeaseRecord): number {
    return (this.#deadlines.get(lease)?.atMs ?? 0) - this.#nowMs();
  }

  /** No deadline is sooner than this from now, or than the lease's whole time if that is less. */
  extend(graceMs: number): void {
    const nowMs = this.#nowMs();
    for (const [lease, deadline] of this.#deadlines)
      deadline.atMs = Math.max(deadline.atMs, nowMs + Math.min(graceMs, lease.ttlSeconds * 1000));
  }

  /** All deadlines are so much later. */
  delay(lostMs: number): void {
    this.#lostMs += lostMs;
  }

  /** Some of the leases whose time is over: up to `maxLeases`, or as soon as `maxKeys` keys hang on them. */
  expired(maxLeases: number, maxKeys: number): SeenLease[] {
    const nowMs = this.#nowMs();
    if (nowMs < this.#earliestMs) return [];
    const expired: SeenLease[] = [];
    let keys = 0;
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [lease, { atMs }] of this.#deadlines) {
      if (atMs <= nowMs && expired.length < maxLeases && keys < maxKeys) {
        expired.push({ id: lease.id, renewals: lease.renewals });
        keys += lease.keys.size;
      }
      // Those found stay due until they are revoked.
      if (atMs < earliestMs) earliestMs = atMs;
    }
    this.#earliestMs = earliestMs;
    return expired;
  }

  /** Leases of which the log knows nothing newer than `ageMs`, with what is left of them. */
  unrecorded(ageMs: number, maxLeases: number): (SeenLease & { readonly remainingMs: number })[] {
    const nowMs = this.#nowMs();
    const leases: (SeenLease & { readonly remainingMs: number })[] = [];
    for (const [{ id, renewals }, { atMs, knownAtMs }] of this.#deadlines) {
      if (nowMs - knownAtMs < ageMs || atMs <= nowMs) continue;
      leases.push({ id, renewals, remainingMs: Math.ceil(atMs - nowMs) });
      if (leases.length === maxLeases) break;
    }
    return leases;
  }

  /** What is recorded as left counts from now: that is never less than when it was recorded. */
  #start(lease: LeaseRecord): void {
    const nowMs = this.#nowMs();
    const atMs = nowMs + lease.remainingMs;
    const deadline = this.#deadlines.get(lease);
    if (deadline) {
      deadline.atMs = atMs;
      deadline.knownAtMs = nowMs;
    } else this.#deadlines.set(lease, { atMs, knownAtMs: nowMs });
    if (atMs < this.#earliestMs) this.#earliestMs = atMs;
  }

  #nowMs(): number {
    return this.#clock.monotonicMs() - this.#lostMs;
  }
}
