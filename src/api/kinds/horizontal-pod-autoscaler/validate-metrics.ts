/** The metrics that an autoscaler goes by. */
import type { FieldError } from '../../definition.ts';
import type { MetricIdentifier, MetricSpec, MetricTarget } from '../../generated/types/autoscaling-v2.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, validPathSegment } from '../../meta/names.ts';
import { parseQuantity } from '../../meta/quantity.ts';
import { present, requiredName } from '../checks.ts';
import { validateReference } from './validate.ts';

/** Type, and the field that goes with it. In the order in which upstream looks at them. */
const sources: Readonly<Record<string, keyof MetricSpec>> = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
};
const targetTypes = ['Utilization', 'Value', 'AverageValue'];
const bothUtilization = 'may not set both a target raw value and a target utilization';
const noUtilization = 'must set either a target raw value or a target utilization';

export function validateMetric(metric: MetricSpec, field: string): FieldError[] {
  const given = present(metric, Object.values(sources));
  const errors: FieldError[] = [];
  if (!metric.type) errors.push(fieldRequired(`${field}.type`, 'must specify a metric source type'));
  const expected = sources[metric.type ?? ''];
  if (!expected) errors.push(fieldNotSupported(`${field}.type`, metric.type ?? '', Object.keys(sources)));
  if (given[0]) errors.push(...validateSource(metric, given[0], `${field}.${given[0]}`));
  if (expected && !metric[expected]) {
    errors.push(fieldRequired(`${field}.${expected}`, 'must populate information for the given metric source'));
  }
  if (given.length <= 1) return errors;
  return [
    ...errors,
    ...given
      .filter((name) => name !== expected)
      .map((name) => fieldForbidden(`${field}.${name}`, 'must populate the given metric source only')),
  ];
}

function validateSource(metric: MetricSpec, name: string, field: string): FieldError[] {
  const { object, external, pods, resource, containerResource } = metric;
  const target = `${field}.target`;
  if (name === 'object' && object) {
    return [
      ...validateReference(object.describedObject, `${field}.describedObject`),
      ...validateIdentifier(object.metric, `${field}.metric`),
      ...validateTarget(object.target, target),
      ...needsOne(
        object.target,
        ['value', 'averageValue'],
        `${target}.averageValue`,
        'must set either a target value or averageValue',
      ),
    ];
  }
  if (name === 'external' && external) {
    const { value, averageValue } = external.target ?? {};
    return [
      ...validateIdentifier(external.metric, `${field}.metric`),
      ...validateTarget(external.target, target),
      ...needsOne(
        external.target,
        ['value', 'averageValue'],
        `${target}.averageValue`,
        'must set either a target value for metric or a per-pod target',
      ),
      ...(value !== undefined && averageValue !== undefined
        ? [fieldForbidden(`${target}.value`, 'may not set both a target value for metric and a per-pod target')]
        : []),
    ];
  }
  if (name === 'pods' && pods) {
    return [
      ...validateIdentifier(pods.metric, `${field}.metric`),
      ...validateTarget(pods.target, target),
      ...needsOne(
        pods.target,
        ['averageValue'],
        `${target}.averageValue`,
        'must specify a positive target averageValue',
      ),
    ];
  }
  const source = containerResource ?? resource;
  if (!source) return [];
  const { averageUtilization, averageValue } = source.target ?? {};
  return [
    ...(source.name ? [] : [fieldRequired(`${field}.name`, 'must specify a resource name')]),
    ...(containerResource ? requiredContainer(containerResource.container, `${field}.container`) : []),
    ...validateTarget(source.target, target),
    ...needsOne(source.target, ['averageUtilization', 'averageValue'], `${target}.averageUtilization`, noUtilization),
    ...(averageUtilization !== undefined && averageValue !== undefined
      ? [fieldForbidden(`${target}.averageValue`, bothUtilization)]
      : []),
  ];
}

function requiredContainer(name: string | undefined, field: string): FieldError[] {
  return name ? requiredName(field, name, dns1123Label) : [fieldRequired(field, 'must specify a container')];
}

function validateIdentifier(metric: MetricIdentifier | undefined, field: string): FieldError[] {
  if (!metric?.name) return [fieldRequired(`${field}.name`, 'must specify a metric name')];
  return requiredName(`${field}.name`, metric.name, validPathSegment);
}

function needsOne(
  target: MetricTarget | undefined,
  names: readonly (keyof MetricTarget)[],
  field: string,
  detail: string,
): FieldError[] {
  return names.some((name) => target?.[name] !== undefined) ? [] : [fieldRequired(field, detail)];
}

function validateTarget(target: MetricTarget | undefined, field: string): FieldError[] {
  const { type = '', value, averageValue, averageUtilization } = target ?? {};
  const errors: FieldError[] = [];
  if (type === '') errors.push(fieldRequired(`${field}.type`, 'must specify a metric target type'));
  if (!targetTypes.includes(type)) {
    errors.push(fieldInvalid(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  }
  for (const [name, amount] of Object.entries({ value, averageValue })) {
    if (amount === undefined || parseQuantity(String(amount)).nanos > 0n) continue;
    errors.push(fieldInvalid(`${field}.${name}`, amount, 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(fieldInvalid(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
  return errors;
}
