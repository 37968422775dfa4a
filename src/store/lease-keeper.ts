/**
 * Runs while this replica leads: proposes the end of leases whose time is over, and records what is left of the others. Everything it proposes
 * is fenced to its term, and an end counts only if nobody renewed the lease before it stood in the log.
 */
import type { Clock } from '../lib/clock.ts';
import type { Command } from './command.ts';
import type { LeaseClock } from './lease-clock.ts';
import { maxLeasesPerCommand } from './limits.ts';

export const leaseTickMs = 200;
/** How often what is left of a lease is put into the log, unless it was renewed meanwhile. */
export const leaseCheckpointMs = 60_000;
/** A new leader gives every lease at least this, so that clients can renew what they could not while nobody led. */
export const leaseGraceMs = 5_000;
/** A tick that is later than this tells that the process stood still: renewals may lie unread in its sockets. */
const maxTickDelayMs = 300;
/** Keys that one command deletes, unless a single lease has more. */
const maxKeysPerCommand = 1_000;

export interface LeaseKeeperOptions {
  readonly term: number;
  /** Ends the keeper. */
  readonly signal: AbortSignal;
  /** Tells why a proposal failed; it is repeated at the next tick. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export function runLeaseKeeper(
  clock: Clock,
  leases: LeaseClock,
  propose: (command: Command) => Promise<unknown>,
  options: LeaseKeeperOptions,
): void {
  const { term: fenceTerm, signal, onError } = options;
  let dueMs = clock.monotonicMs() + leaseTickMs;
  let cancel = (): void => undefined;
  const work = async (): Promise<void> => {
    const expired = leases.expired(maxLeasesPerCommand, maxKeysPerCommand);
    if (expired.length > 0) await propose({ type: 'lease-expire', fenceTerm, leases: expired });
    const unrecorded = leases.unrecorded(leaseCheckpointMs, maxLeasesPerCommand);
    if (unrecorded.length > 0) await propose({ type: 'lease-checkpoint', fenceTerm, leases: unrecorded });
  };
  const schedule = (): void => {
    cancel = clock.setTimer(Math.max(0, dueMs - clock.monotonicMs()), tick);
  };
  let working = false;
  const tick = (): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - dueMs > maxTickDelayMs) leases.delay(nowMs - dueMs);
    dueMs = nowMs + leaseTickMs;
    schedule();
    if (working) return;
    working = true;
    work()
      .catch((error: unknown) => {
        if (!signal.aborted) onError?.(error);
      })
      .finally(() => {
        working = false;
      });
  };
  leases.extend(leaseGraceMs);
  if (signal.aborted) return;
  signal.addEventListener('abort', () => cancel(), { once: true });
  schedule();
}
