/** Deployments. */
import type { FieldError } from '../../definition.ts';
import type { Deployment, DeploymentSpec } from '../../generated/types/apps-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { parsePercent } from '../../meta/int-or-string.ts';
import { notNegative, oneOf } from '../checks.ts';
import { sameJson } from '../strategy.ts';
import { validateSelector, validateTemplate } from '../workload/validate-template.ts';

export function validateDeployment(deployment: Deployment): FieldError[] {
  const { spec } = deployment;
  if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
  const errors = [
    ...notNegative('spec.replicas', spec.replicas),
    ...validateSelector(spec.selector, 'deployment'),
    ...validateTemplate(spec.template, spec.selector),
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
  const errors = oneOf('spec.strategy.type', type, ['Recreate', 'RollingUpdate']);
  if (type === 'Recreate' && rollingUpdate) {
    errors.push(fieldForbidden(field, "may not be specified when strategy `type` is 'Recreate'"));
  }
  if (type !== 'RollingUpdate' || !rollingUpdate) return errors;
  const { maxUnavailable, maxSurge } = rollingUpdate;
  errors.push(...share(`${field}.maxUnavailable`, maxUnavailable), ...share(`${field}.maxSurge`, maxSurge));
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(fieldInvalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if (typeof maxUnavailable === 'string' && (parsePercent(maxUnavailable) ?? 0) > 100) {
    errors.push(fieldInvalid(`${field}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'));
  }
  return errors;
}

function share(field: string, value: string | number | undefined): FieldError[] {
  if (typeof value !== 'string') return notNegative(field, value);
  if (parsePercent(value) !== undefined) return [];
  const detail =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [fieldInvalid(field, value, detail)];
}

function isZero(value: string | number | undefined): boolean {
  return value === 0 || value === undefined || (typeof value === 'string' && parsePercent(value) === 0);
}
