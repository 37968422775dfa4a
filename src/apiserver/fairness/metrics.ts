/** Metrics of priority and fairness, under upstream's names. */
import { metrics } from '../../lib/metrics/registry.ts';
import type { PriorityLevel } from './priority-level.ts';

const labels = ['priority_level', 'flow_schema'];
const prefix = 'apiserver_flowcontrol';

export const dispatched = metrics.counter({
  name: `${prefix}_dispatched_requests_total`,
  help: 'Requests that were let run.',
  labels,
});
export const rejected = metrics.counter({
  name: `${prefix}_rejected_requests_total`,
  help: 'Requests that were refused.',
  labels: [...labels, 'reason'],
});
export const waited = metrics.histogram({
  name: `${prefix}_request_wait_duration_seconds`,
  help: 'Time in a queue, of requests that had to wait.',
  labels,
  buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15],
});

export function observeLevels(levels: () => Iterable<PriorityLevel>): void {
  const gauge = (name: string, help: string, read: (level: PriorityLevel) => number) =>
    metrics.sampled({ name: `${prefix}_${name}`, help, labels: ['priority_level'], type: 'gauge' }, () =>
      [...levels()].map((level) => [[level.name], read(level)] as const),
    );
  gauge('nominal_limit_seats', 'Seats of the level.', ({ limits }) => limits.nominalSeats);
  gauge('current_executing_seats', 'Seats in use.', ({ inUse }) => inUse);
  gauge('current_inqueue_requests', 'Requests that wait.', ({ waitingRequests }) => waitingRequests);
}
