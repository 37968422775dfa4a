/**
 * Leases as replicated state: what was granted, how often it was renewed, which keys end with it. When a lease is over is not decided here but by
 * a command in the log; clocks are beside the state (`lease-clock.ts`).
 */
import type { StateHash } from './state-hash.ts';
import type { Version } from './version.ts';

export interface LeaseRecord {
  readonly id: bigint;
  readonly ttlSeconds: number;
  renewals: number;
  /** What was left at the last renewal or checkpoint. */
  remainingMs: number;
  readonly keys: Set<string>;
}

/** Of a lease, in the accounting of memory; an attached key counts with the key. */
export const leaseOverheadBytes = 250;

export class LeaseTable {
  readonly #hash: StateHash;
  readonly #leases = new Map<bigint, LeaseRecord>();

  constructor(hash: StateHash) {
    this.#hash = hash;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(id: bigint): LeaseRecord | undefined {
    return this.#leases.get(id);
  }

  /** In the order of their grants. */
  values(): Iterable<LeaseRecord> {
    return this.#leases.values();
  }

  add(id: bigint, ttlSeconds: number, renewals = 0, remainingMs = ttlSeconds * 1000): LeaseRecord {
    const lease: LeaseRecord = { id, ttlSeconds, renewals, remainingMs, keys: new Set() };
    this.#leases.set(id, lease);
    this.#hash.addLease(lease);
    return lease;
  }

  remove(lease: LeaseRecord): void {
    this.#leases.delete(lease.id);
    this.#hash.removeLease(lease);
  }

  renew(lease: LeaseRecord): void {
    this.#change(lease, lease.renewals + 1, lease.ttlSeconds * 1000);
  }

  checkpoint(lease: LeaseRecord, remainingMs: number): void {
    this.#change(lease, lease.renewals, Math.min(remainingMs, lease.ttlSeconds * 1000));
  }

  /** The key of `version` ends with its lease now, and no more with that of `before`. */
  moveKey(before: Version | undefined, version: Version): void {
    if (before?.leaseId === version.leaseId) return;
    if (before?.leaseId !== undefined) this.#leases.get(before.leaseId)?.keys.delete(before.key);
    if (version.leaseId !== undefined) this.#leases.get(version.leaseId)?.keys.add(version.key);
  }

  #change(lease: LeaseRecord, renewals: number, remainingMs: number): void {
    this.#hash.removeLease(lease);
    lease.renewals = renewals;
    lease.remainingMs = remainingMs;
    this.#hash.addLease(lease);
  }
}
