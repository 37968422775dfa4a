/** What may become of a Job, and what its controller may tell. */
import type { FieldError } from '../../definition.ts';
import type { Job, JobSpec } from '../../generated/types/batch-v1.ts';
import type { PodTemplateSpec } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldRequired, fieldWrong } from '../../meta/field-error.ts';
import { immutable, notNegativeFields } from '../checks.ts';
import { parseIndexes } from './indexes.ts';

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const spec: Partial<JobSpec> = job.spec ?? {};
  const before: Partial<JobSpec> = old.spec ?? {};
  const fixed = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;
  return [
    ...validateCompletions(spec, before),
    ...immutable('spec.selector', spec.selector, before.selector),
    ...immutable('spec.template', spec.template, comparableTemplate(old, spec.template)),
    ...fixed.flatMap((name) => immutable(`spec.${name}`, spec[name], before[name])),
  ];
}

/** An indexed Job may grow and shrink, as long as all its pods run at once. */
function validateCompletions(spec: Partial<JobSpec>, before: Partial<JobSpec>): FieldError[] {
  const field = 'spec.completions';
  if (spec.completionMode !== 'Indexed') return immutable(field, spec.completions, before.completions);
  if (spec.completions === before.completions || spec.completions === undefined) return [];
  if (spec.completions === spec.parallelism) return [];
  return [fieldInvalid(field, spec.completions, 'can only be modified in tandem with spec.parallelism')];
}

/** The old template, with what may change before a suspended Job has ever started taken from the new one. */
function comparableTemplate(old: Job, wanted: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const template = old.spec?.template;
  if (!old.spec?.suspend || old.status?.startTime || !template) return template;
  const result = structuredClone(template);
  result.spec ??= { containers: [] };
  const copy = <T extends object, K extends keyof T>(target: T, source: T | undefined, field: K) => {
    const value = source?.[field];
    if (value === undefined) delete target[field];
    else target[field] = value;
  };
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) {
    copy(result.spec, wanted?.spec, field);
  }
  const affinity = { ...result.spec.affinity };
  copy(affinity, wanted?.spec?.affinity, 'nodeAffinity');
  if (Object.keys(affinity).length > 0 || wanted?.spec?.affinity) result.spec.affinity = affinity;
  else delete result.spec.affinity;
  result.metadata ??= {};
  copy(result.metadata, wanted?.metadata, 'annotations');
  copy(result.metadata, wanted?.metadata, 'labels');
  if (!wanted?.metadata && Object.keys(result.metadata).length === 0) delete result.metadata;
  return result;
}

const counters = ['active', 'succeeded', 'failed', 'ready', 'terminating'];

export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const status = job.status ?? {};
  const before = old.status ?? {};
  const is = (type: string, { conditions }: typeof status = status) =>
    conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  const finished = is('Complete') || is('Failed');
  const errors: FieldError[] = notNegativeFields('status', status, counters);
  const wrong = (when: boolean, detail: string, field = 'status.conditions') => {
    if (when) errors.push(fieldWrong(field, detail));
  };
  wrong(is('Complete') && is('Failed'), 'cannot set Complete=True and Failed=true conditions');
  wrong(is('Complete') && is('FailureTarget'), 'cannot set Complete=True and FailureTarget=true conditions');
  wrong(
    is('Failed') && !is('FailureTarget'),
    'cannot set Failed=True condition without the FailureTarget=true condition',
  );
  wrong(
    is('Complete') && !is('SuccessCriteriaMet'),
    'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  );
  wrong(is('SuccessCriteriaMet') && is('Failed'), 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  wrong(
    is('SuccessCriteriaMet') && is('FailureTarget'),
    'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
  );
  if (finished) {
    wrong((status.active ?? 0) > 0, 'active>0 is invalid for finished job', 'status.active');
    wrong((status.terminating ?? 0) > 0, 'terminating>0 is invalid for finished job', 'status.terminating');
    if (!status.startTime) errors.push(fieldRequired('status.startTime', 'startTime is required for finished job'));
    const { failed = [], succeeded = [] } = status.uncountedTerminatedPods ?? {};
    wrong(failed.length + succeeded.length > 0, 'must be empty for finished job', 'status.uncountedTerminatedPods');
  }
  if (is('Complete') && !status.completionTime) {
    errors.push(fieldRequired('status.completionTime', 'completionTime is required for Complete jobs'));
  }
  wrong(
    !is('Complete') && status.completionTime !== undefined,
    'cannot set completionTime when there is no Complete=True condition',
    'status.completionTime',
  );
  wrong((status.ready ?? 0) > (status.active ?? 0), 'cannot set more ready pods than active', 'status.ready');
  for (const type of ['Failed', 'Complete', 'FailureTarget', 'SuccessCriteriaMet']) {
    wrong(is(type, before) && !is(type), `cannot disable the terminal ${type}=True condition`);
  }
  for (const counter of ['failed', 'succeeded'] as const) {
    const shrinks = (status[counter] ?? 0) < (before[counter] ?? 0);
    wrong(shrinks, `cannot decrease the ${counter} counter`, `status.${counter}`);
  }
  if (before.completionTime && status.completionTime) {
    errors.push(...immutable('status.completionTime', status.completionTime, before.completionTime));
  }
  if (before.startTime && before.startTime !== status.startTime && !job.spec?.suspend) {
    errors.push(fieldRequired('status.startTime', 'startTime cannot be removed for unsuspended job'));
  }
  return [...errors, ...validateIndexLists(job)];
}

function validateIndexLists({ spec, status }: Job): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['completedIndexes', 'failedIndexes'] as const) {
    const text = status?.[name];
    if (!text || spec?.completions === undefined) continue;
    const parsed = parseIndexes(text, spec.completions);
    if (typeof parsed === 'string') {
      errors.push(fieldInvalid(`status.${name}`, text, `error parsing ${name}: ${parsed}`));
    }
  }
  if (status?.completedIndexes && spec?.completionMode !== 'Indexed') {
    const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    errors.push(fieldInvalid('status.completedIndexes', status.completedIndexes, detail));
  }
  if (status?.failedIndexes !== undefined && spec?.backoffLimitPerIndex === undefined) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(fieldInvalid('status.failedIndexes', status.failedIndexes, detail));
  }
  return errors;
}
