/** Jobs, and the Job templates of CronJobs. */
import type { FieldError } from '../../definition.ts';
import type { Job, JobSpec } from '../../generated/types/batch-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { selectorMatches, validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Label } from '../../meta/names.ts';
import { domainPrefixedPath, notNegative, oneOf } from '../checks.ts';
import { validatePodTemplateSpec, validateTemplateLabels } from '../workload/validate-template.ts';
import { jobLabels } from './defaults.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './validate-policies.ts';

const maxIndexedParallelism = 100_000;
const maxFailedIndexes = 100_000;
const manyCompletions = 100_000;
const limitOfMany = 10_000;
const maxManagedByLength = 63;

export function validateJob(job: Job): FieldError[] {
  const { spec, metadata } = job;
  if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
  const errors = [...validateGeneratedSelector(job), ...validateJobSpec(spec, 'spec')];
  if (!spec.selector) errors.push(fieldRequired('spec.selector'));
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  errors.push(...validateTemplateLabels(spec.template ?? {}, spec.selector, 'spec.template'));
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    // The largest index becomes a part of a pod's host name.
    const hostname = `${metadata?.name ?? ''}-${(spec.completions ?? 0) - 1}`;
    if (dns1123Label(hostname)) {
      const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
      errors.push(fieldInvalid('metadata.name', metadata?.name, detail));
    }
  }
  return errors;
}

function validateGeneratedSelector({ spec, metadata }: Job): FieldError[] {
  if (spec?.manualSelector || !spec?.selector) return [];
  const uid = metadata?.uid ?? '';
  const name = metadata?.name ?? '';
  const labels = spec.template?.metadata?.labels ?? {};
  const expected = {
    [jobLabels.legacyUid]: uid,
    [jobLabels.legacyName]: name,
    [jobLabels.uid]: uid,
    [jobLabels.name]: name,
  };
  const errors = Object.entries(expected).flatMap(([key, value]) => {
    if (labels[key] === value) return [];
    const field = `spec.template.metadata.labels`;
    if (labels[key] === undefined) return [fieldRequired(field, `must have the label ${key}=${value}`)];
    return [fieldInvalid(field, labels, `must be '${value}'`)];
  });
  if (!selectorMatches(spec.selector, expected)) {
    errors.push(fieldInvalid('spec.selector', spec.selector, '`selector` not auto-generated'));
  }
  return errors;
}

/** `field`: `spec`, or `spec.jobTemplate.spec`. The selector is not its business. */
export function validateJobSpec(spec: JobSpec, field: string): FieldError[] {
  const numbers = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const;
  const errors = numbers.flatMap((name) => notNegative(`${field}.${name}`, spec[name]));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldRequired(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  }
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  return [
    ...errors,
    ...validateManagedBy(spec, `${field}.managedBy`),
    ...oneOf(`${field}.completionMode`, spec.completionMode, ['Indexed', 'NonIndexed']),
    ...(spec.completionMode === 'Indexed' ? validateIndexed(spec, field) : validateNonIndexed(spec, field)),
    ...validateFailurePolicy(spec, `${field}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${field}.successPolicy`),
    ...oneOf(`${field}.podReplacementPolicy`, spec.podReplacementPolicy, replacements),
    ...validateJobTemplate(spec, `${field}.template`),
  ];
}

function validateManagedBy({ managedBy }: JobSpec, field: string): FieldError[] {
  if (managedBy === undefined) return [];
  const errors = domainPrefixedPath(field, managedBy);
  if (managedBy.length > maxManagedByLength) errors.push(fieldTooLong(field, maxManagedByLength));
  return errors;
}

function validateIndexed(spec: JobSpec, field: string): FieldError[] {
  const { completions, parallelism, maxFailedIndexes: failed } = spec;
  const errors: FieldError[] = [];
  if (completions === undefined) {
    errors.push(fieldRequired(`${field}.completions`, 'when completion mode is Indexed'));
  }
  if ((parallelism ?? 0) > maxIndexedParallelism) {
    const detail = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`;
    errors.push(fieldInvalid(`${field}.parallelism`, parallelism, detail));
  }
  if (completions !== undefined && (failed ?? 0) > completions) {
    errors.push(fieldInvalid(`${field}.maxFailedIndexes`, failed, 'must be less than or equal to completions'));
  }
  if ((failed ?? 0) > maxFailedIndexes) {
    const detail = `must be less than or equal to ${maxFailedIndexes}`;
    errors.push(fieldInvalid(`${field}.maxFailedIndexes`, failed, detail));
  }
  if ((completions ?? 0) > manyCompletions && spec.backoffLimitPerIndex !== undefined) {
    const detail = `must be less than or equal to ${limitOfMany} when completions are above ${manyCompletions} and used with backoff limit per index`;
    if (failed === undefined) {
      const why = `must be specified when completions is above ${manyCompletions}`;
      errors.push(fieldRequired(`${field}.maxFailedIndexes`, why));
    }
    if ((parallelism ?? 0) > limitOfMany) errors.push(fieldInvalid(`${field}.parallelism`, parallelism, detail));
    if ((failed ?? 0) > limitOfMany) errors.push(fieldInvalid(`${field}.maxFailedIndexes`, failed, detail));
  }
  return errors;
}

function validateNonIndexed(spec: JobSpec, field: string): FieldError[] {
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const).flatMap((name) =>
    spec[name] === undefined ? [] : [fieldInvalid(`${field}.${name}`, spec[name], 'requires indexed completion mode')],
  );
}

function validateJobTemplate({ template, podFailurePolicy }: JobSpec, field: string): FieldError[] {
  const errors = validatePodTemplateSpec(template ?? {}, field);
  const policy = template?.spec?.restartPolicy;
  const here = `${field}.spec.restartPolicy`;
  if (!policy || policy === 'Always') {
    errors.push(fieldRequired(here, 'valid values: "OnFailure", "Never"'));
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(fieldNotSupported(here, policy, ['Never', 'OnFailure']));
  } else if (podFailurePolicy && policy !== 'Never') {
    errors.push(fieldInvalid(here, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
  return errors;
}
