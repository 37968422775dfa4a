/**
 * Forgets old revisions. By age: every interval, what was the current revision one interval ago becomes the oldest that can be read, so a list or
 * watch may go on from a revision for one to two intervals (etcd's and Kubernetes' default is 5 minutes). By memory: when history outgrows its
 * budget, its older part goes at once, down to half of the budget.
 */
import type { LeaderContext } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store, StoreUsage } from '../store/types.ts';

export const compactionIntervalMs = 5 * 60_000;
/** How often the size of history is looked at. */
export const historyCheckMs = 1_000;
/** What history may always take, and otherwise as a part of what the keys take as they are now; never more than that part of the quota. */
const minHistoryBytes = 64 * 1024 * 1024;
const historyPartOfLive = 0.5;
const historyPartOfQuota = 0.25;

export function startCompaction(context: LeaderContext, store: Store, clock: Clock, logger: Logger): void {
  const { term: fenceTerm, signal } = context;
  let candidate = store.revision;
  let intervalEndsMs = clock.monotonicMs() + compactionIntervalMs;
  let cancel = () => {};
  const compact = async (revision: number, why: string) => {
    try {
      await store.compact(revision, { fenceTerm, signal });
      logger.info({ revision, why }, 'compacted');
    } catch (error) {
      if (!signal.aborted)
        logger.warn({ revision, error: String(error) }, 'compaction failed; it is tried again when it is due next');
    }
  };
  const tick = async () => {
    if (clock.monotonicMs() >= intervalEndsMs) {
      const target = candidate;
      candidate = store.revision;
      intervalEndsMs = clock.monotonicMs() + compactionIntervalMs;
      if (target > store.compactedRevision) await compact(target, 'age');
    }
    const target = targetBySize(store.revision, store.compactedRevision, store.usage());
    if (target !== undefined && !signal.aborted) await compact(target, 'size');
    if (!signal.aborted) schedule();
  };
  const schedule = () => {
    cancel = clock.setTimer(historyCheckMs, () => void tick());
  };
  schedule();
  signal.addEventListener('abort', () => cancel(), { once: true });
}

/** Up to where history has to go now; undefined while it is within its budget. */
export function targetBySize(revision: number, compactedRevision: number, usage: StoreUsage): number | undefined {
  const { liveBytes, historyBytes, quotaBytes, alarm } = usage;
  if (historyBytes === 0 || revision <= compactedRevision) return undefined;
  // Everything that can be had, for writes are refused.
  if (alarm) return revision;
  const wanted = Math.max(minHistoryBytes, liveBytes * historyPartOfLive);
  const budget = Math.min(wanted, quotaBytes * historyPartOfQuota);
  if (historyBytes <= budget) return undefined;
  // As if every revision had left the same; where it did not, the next look corrects it.
  const kept = Math.floor(((revision - compactedRevision) * budget) / 2 / historyBytes);
  return Math.max(compactedRevision + 1, revision - kept);
}
