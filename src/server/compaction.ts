/**
 * Forgets old revisions: every interval, what was the current revision one interval ago becomes the oldest that can be read. So a list or watch
 * may go on from a revision for one to two intervals (etcd's and Kubernetes' default is 5 minutes).
 */
import type { LeaderContext } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/types.ts';

export const compactionIntervalMs = 5 * 60_000;

export function startCompaction(context: LeaderContext, store: Store, clock: Clock, logger: Logger): void {
  let candidate = store.revision;
  let cancel = () => {};
  const tick = async () => {
    const target = candidate;
    candidate = store.revision;
    try {
      if (target > store.compactedRevision) {
        await store.compact(target, { fenceTerm: context.term, signal: context.signal });
        logger.info({ revision: target }, 'compacted');
      }
    } catch (error) {
      if (!context.signal.aborted)
        logger.warn({ revision: target, error: String(error) }, 'compaction failed; next try in one interval');
    }
    if (!context.signal.aborted) schedule();
  };
  const schedule = () => {
    cancel = clock.setTimer(compactionIntervalMs, () => void tick());
  };
  schedule();
  context.signal.addEventListener('abort', () => cancel(), { once: true });
}
