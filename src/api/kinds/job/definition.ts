/** batch/v1 Job. */
import type { Job } from '../../generated/types/batch-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { humanDuration } from '../../table/duration.ts';
import { defineKind, fieldAt, statusSubresource } from '../define.ts';
import { workloadColumns } from '../workload/columns.ts';
import { jobStrategy } from './strategy.ts';

const kind = { group: 'batch', version: 'v1', kind: 'Job' } as const;

export const jobDefinition = defineKind({
  ...kind,
  resource: 'jobs',
  namespaced: true,
  categories: ['all'],
  subresources: [statusSubresource(kind)],
  fieldSelectors: { 'status.successful': fieldAt('status.succeeded', '0') },
  orphansByDefault: true,
  strategy: jobStrategy,
  allColumns: [
    nameColumn,
    column<Job>('Status', 'How far it is.', printedStatus),
    column<Job>('Completions', 'Pods that succeeded, of those needed.', completions),
    column<Job>('Duration', 'How long it took, or has taken.', duration),
    ageColumn,
    ...workloadColumns,
  ],
});

function printedStatus({ metadata, status }: Job): string {
  const has = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return '';
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return humanDuration(endMs - Date.parse(status.startTime));
}
