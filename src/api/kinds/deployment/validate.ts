/** Deployments. */
import type { FieldError } from '../../definition.ts';
import type { Deployment, DeploymentSpec } from '../../generated/types/apps-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { isZeroShare } from '../../meta/int-or-string.ts';
import { countOrPercent, notMoreThanAll, notNegative } from '../checks.ts';
import { sameJson } from '../strategy.ts';
import { validateSelector, validateTemplate } from '../workload/validate-template.ts';

export function validateDeployment(deployment: Deployment): FieldError[] {
  const { spec } = deployment;
  if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
  const errors = [
    ...notNegative('spec.replicas', spec.replicas),
    ...validateSelector(spec.selector, 'deployment'),
    ...validateTemplate(spec.template, spec.selector, 'Deployment'),
    ...validateStrategy(spec),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...notNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...notNegative('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds),
  ];
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(fieldInvalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
  return errors;
}

export function validateDeploymentUpdate(deployment: Deployment, old: Deployment): FieldError[] {
  if (sameJson(deployment.spec?.selector, old.spec?.selector)) return [];
  return [fieldInvalid('spec.selector', deployment.spec?.selector, 'field is immutable')];
}

function validateStrategy(spec: DeploymentSpec): FieldError[] {
  const { type, rollingUpdate } = spec.strategy ?? {};
  const field = 'spec.strategy.rollingUpdate';
  const errors =
    type === 'Recreate' || type === 'RollingUpdate'
      ? []
      : [fieldNotSupported('spec.strategy', spec.strategy, ['Recreate', 'RollingUpdate'])];
  if (type === 'Recreate' && rollingUpdate) {
    errors.push(fieldForbidden(field, "may not be specified when strategy `type` is 'Recreate'"));
  }
  if (type !== 'RollingUpdate' || !rollingUpdate) return errors;
  const { maxUnavailable, maxSurge } = rollingUpdate;
  errors.push(
    ...countOrPercent(`${field}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${field}.maxSurge`, maxSurge),
  );
  if (isZeroShare(maxUnavailable) && isZeroShare(maxSurge)) {
    errors.push(fieldInvalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  errors.push(...notMoreThanAll(`${field}.maxUnavailable`, maxUnavailable));
  return errors;
}
