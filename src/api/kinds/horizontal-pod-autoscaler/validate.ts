/** HorizontalPodAutoscalers. */
import type { FieldError } from '../../definition.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
} from '../../generated/types/autoscaling-v2.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validPathSegment } from '../../meta/names.ts';
import { each, notNegativeQuantity, oneOf, requiredName } from '../checks.ts';
import { validateMetric } from './validate-metrics.ts';

const maxWindowSeconds = 3600;
const maxPeriodSeconds = 1800;

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const { minReplicas, maxReplicas = 0, metrics = [], behavior, scaleTargetRef } = spec ?? {};
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(fieldInvalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  }
  if (maxReplicas < 1) errors.push(fieldInvalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(fieldInvalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  return [
    ...errors,
    ...validateReference(scaleTargetRef, 'spec.scaleTargetRef'),
    ...each('spec.metrics', metrics, validateMetric),
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ];
}

export function validateReference(reference: CrossVersionObjectReference | undefined, field: string): FieldError[] {
  const { kind, name, apiVersion = '' } = reference ?? {};
  const errors = [
    ...requiredName(`${field}.kind`, kind, validPathSegment),
    ...requiredName(`${field}.name`, name, validPathSegment),
  ];
  if (apiVersion.split('/').length > 2) {
    errors.push(fieldInvalid(`${field}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  }
  return errors;
}

function validateRules(rules: HPAScalingRules | undefined, field: string): FieldError[] {
  if (!rules) return [];
  const { stabilizationWindowSeconds: window, policies = [] } = rules;
  const here = `${field}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (window !== undefined && window < 0) {
    errors.push(fieldInvalid(here, window, 'must be greater than or equal to zero'));
  }
  if (window !== undefined && window > maxWindowSeconds) {
    errors.push(fieldInvalid(here, window, `must be less than or equal to ${maxWindowSeconds}`));
  }
  errors.push(...oneOf(`${field}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min']));
  if (policies.length === 0) errors.push(fieldRequired(`${field}.policies`, 'must specify at least one Policy'));
  return [
    ...errors,
    ...each(`${field}.policies`, policies, ({ type, value = 0, periodSeconds = 0 }, at) => [
      ...oneOf(`${at}.type`, type ?? '', ['Percent', 'Pods']),
      ...(value <= 0 ? [fieldInvalid(`${at}.value`, value, 'must be greater than zero')] : []),
      ...(periodSeconds <= 0 ? [fieldInvalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero')] : []),
      ...(periodSeconds > maxPeriodSeconds
        ? [fieldInvalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`)]
        : []),
    ]),
    ...notNegativeQuantity(`${field}.tolerance`, rules.tolerance),
  ];
}

/** Of all that can be scaled, only ReplicationControllers have no group. */
export function validateTargetGroup(target: CrossVersionObjectReference | undefined): FieldError[] {
  const { kind, apiVersion = '' } = target ?? {};
  if (kind === 'ReplicationController' || apiVersion.includes('/')) return [];
  return [fieldInvalid('spec.scaleTargetRef.apiVersion', apiVersion, 'apiVersion must specify API group')];
}
