/** Metrics of work queues, under the names that Kubernetes' controllers use. */
import type { Logger } from '../lib/logger.ts';
import type { Observations, Value } from '../lib/metrics/metric.ts';
import { metrics } from '../lib/metrics/registry.ts';

const labels = ['name'];
const workBuckets = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

const depths = new Map<string, { readonly depth: number }>();
metrics.sampled({ name: 'workqueue_depth', help: 'Keys that wait for a worker.', labels, type: 'gauge' }, () =>
  [...depths].map(([name, { depth }]) => [[name], depth] as const),
);
const retries = metrics.counter({ name: 'workqueue_retries_total', help: 'Reconciliations that failed.', labels });
const work = metrics.histogram({
  name: 'workqueue_work_duration_seconds',
  help: 'Time of one reconciliation.',
  labels,
  buckets: workBuckets,
});

/** The queue is named by its logger (`controller` or `part`). */
export function observeQueue(
  queue: { readonly depth: number },
  logger: Logger | undefined,
): { readonly retries: Value; readonly work: Observations; end(): void } {
  const { controller, part } = (logger?.bindings?.() ?? {}) as { controller?: string; part?: string };
  const name = controller ?? part ?? 'unnamed';
  depths.set(name, queue);
  return {
    retries: retries.with(name),
    work: work.with(name),
    end() {
      if (depths.get(name) === queue) depths.delete(name);
    },
  };
}
