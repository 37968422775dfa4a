/** DaemonSets. */
import type { FieldError } from '../../definition.ts';
import type {
  DaemonSet,
  DaemonSetSpec,
  DaemonSetStatus,
  RollingUpdateDaemonSet,
} from '../../generated/types/apps-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { isZeroShare } from '../../meta/int-or-string.ts';
import { countOrPercent, notMoreThanAll, notNegative, notNegativeFields } from '../checks.ts';
import { validateSelector, validateTemplate } from '../workload/validate-template.ts';

export function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
  return [
    // A missing selector is told of by the template that it does not select.
    ...(spec.selector ? validateSelector(spec.selector, 'daemonset') : []),
    ...validateTemplate(spec.template, spec.selector, 'DaemonSet'),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateUpdateStrategy(spec),
    ...notNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  ];
}

function validateUpdateStrategy({ updateStrategy }: DaemonSetSpec): FieldError[] {
  const field = 'spec.updateStrategy';
  switch (updateStrategy?.type) {
    case 'OnDelete':
      return [];
    case 'RollingUpdate':
      return updateStrategy.rollingUpdate
        ? validateRollingUpdate(updateStrategy.rollingUpdate, `${field}.rollingUpdate`)
        : [fieldRequired(`${field}.rollingUpdate`)];
    default:
      return [fieldNotSupported(field, updateStrategy, ['RollingUpdate', 'OnDelete'])];
  }
}

function validateRollingUpdate({ maxUnavailable, maxSurge }: RollingUpdateDaemonSet, field: string): FieldError[] {
  const errors = [
    ...countOrPercent(`${field}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${field}.maxSurge`, maxSurge),
    ...notMoreThanAll(`${field}.maxUnavailable`, maxUnavailable),
    ...notMoreThanAll(`${field}.maxSurge`, maxSurge),
  ];
  const unavailable = !isZeroShare(maxUnavailable);
  const surge = !isZeroShare(maxSurge);
  if (unavailable && surge) {
    errors.push(fieldInvalid(`${field}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  if (!unavailable && !surge) errors.push(fieldRequired(`${field}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return errors;
}

const counters = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

export function validateDaemonSetStatus(status: DaemonSetStatus | undefined): FieldError[] {
  return notNegativeFields('status', status, counters);
}
