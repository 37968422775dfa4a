/** Defaults of Jobs, and the selector that the server makes for one. In place. */
import type { Job, JobSpec } from '../../generated/types/batch-v1.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';

const backoffLimit = 6;
const noBackoffLimit = 2 ** 31 - 1;

export const jobLabels = {
  name: 'batch.kubernetes.io/job-name',
  uid: 'batch.kubernetes.io/controller-uid',
  legacyName: 'job-name',
  legacyUid: 'controller-uid',
} as const;

export function setJobDefaults(job: Job): void {
  const { spec } = job;
  if (!spec) return;
  if (spec.parallelism === undefined) {
    spec.completions ??= 1;
    spec.parallelism = 1;
  }
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? backoffLimit : noBackoffLimit;
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(job.metadata?.labels ?? {}).length === 0) {
    // One map, as upstream: what the server adds to the template's labels appears here, too.
    job.metadata = { ...job.metadata, labels };
  }
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  setJobTemplateDefaults(spec);
}

/** Shared with the template of a CronJob, which gets no more than this. */
export function setJobTemplateDefaults(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
  if (spec.template) spec.template.metadata ??= {};
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
}

/** Jobs select their pods by their own UID, so that no two ever meet. */
export function generateSelector({ metadata, spec }: Job): void {
  if (!spec || spec.manualSelector) return;
  const uid = metadata?.uid ?? '';
  const name = metadata?.name ?? '';
  spec.template ??= {};
  const { template } = spec;
  const labels = template.metadata?.labels ?? {};
  labels[jobLabels.legacyName] ??= name;
  labels[jobLabels.name] ??= name;
  labels[jobLabels.legacyUid] ??= uid;
  labels[jobLabels.uid] ??= uid;
  template.metadata = { ...template.metadata, labels };
  if (metadata && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  spec.selector = { ...spec.selector, matchLabels: { [jobLabels.uid]: uid, ...spec.selector?.matchLabels } };
}
