/** When pods of a Job count as failed, and when enough of them have succeeded. */
import type { FieldError } from '../../definition.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../../generated/types/batch-v1.ts';
import { fieldDuplicate, fieldInvalid, fieldRequired, fieldTooLong, fieldWrong } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { atMost, each, notNegative, oneOf, requiredName } from '../checks.ts';
import { parseIndexes } from './indexes.ts';

const maxRules = 20;
const maxExitCodes = 255;
const maxPatterns = 20;
const maxIndexesLength = 64 * 1024;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];

function choice(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  if (value) return oneOf(field, value, allowed);
  return [fieldRequired(field, `valid values: [${allowed.map((one) => JSON.stringify(one)).join(' ')}]`)];
}

export function validateFailurePolicy(spec: JobSpec, field: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules;
  return [
    ...atMost(`${field}.rules`, rules, maxRules),
    ...each(`${field}.rules`, rules, (rule, here) => validateFailureRule(spec, rule, here)),
  ];
}

function validateFailureRule(spec: JobSpec, rule: PodFailurePolicyRule, field: string): FieldError[] {
  const { action, onExitCodes, onPodConditions } = rule;
  const errors = choice(`${field}.action`, action, actions);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldInvalid(`${field}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  }
  const conditions = onPodConditions?.length ?? 0;
  if (onExitCodes) errors.push(...validateExitCodes(spec, onExitCodes, `${field}.onExitCodes`));
  errors.push(
    ...atMost(`${field}.onPodConditions`, onPodConditions, maxPatterns),
    ...each(`${field}.onPodConditions`, onPodConditions, (pattern, here) => [
      ...requiredName(`${here}.type`, pattern.type, validQualifiedName),
      ...choice(`${here}.status`, pattern.status, statuses),
    ]),
  );
  if (onExitCodes && conditions > 0) {
    errors.push(fieldWrong(field, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (!onExitCodes && conditions === 0) {
    errors.push(fieldWrong(field, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function validateExitCodes(
  { template }: JobSpec,
  { containerName, operator, values = [] }: PodFailurePolicyOnExitCodesRequirement,
  field: string,
): FieldError[] {
  const errors = choice(`${field}.operator`, operator, operators);
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  if (containerName !== undefined && ![...containers, ...initContainers].some(({ name }) => name === containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(fieldInvalid(`${field}.containerName`, containerName, detail));
  }
  const here = `${field}.values`;
  if (values.length === 0) errors.push(fieldInvalid(here, values, 'at least one value is required'));
  errors.push(...atMost(here, values, maxExitCodes));
  values.forEach((value, index) => {
    if (operator === 'In' && value === 0) {
      errors.push(fieldInvalid(`${here}[${index}]`, value, 'must not be 0 for the In operator'));
    }
    if (values.indexOf(value) < index) errors.push(fieldDuplicate(`${here}[${index}]`, value));
  });
  const isOrdered = values.every((value, index) => index === 0 || values[index - 1]! <= value);
  if (!isOrdered) errors.push(fieldInvalid(here, values, 'must be ordered'));
  return errors;
}

export function validateSuccessPolicy(spec: JobSpec, field: string): FieldError[] {
  const policy = spec.successPolicy;
  if (!policy) return [];
  if (spec.completionMode !== 'Indexed') return [fieldInvalid(field, policy, 'requires indexed completion mode')];
  const here = `${field}.rules`;
  const none = (policy.rules?.length ?? 0) === 0;
  return [
    ...(none ? [fieldRequired(here, 'at least one rules must be specified when the successPolicy is specified')] : []),
    ...atMost(here, policy.rules, maxRules),
    ...each(here, policy.rules, (rule, at) => validateSuccessRule(spec, rule, at)),
  ];
}

function validateSuccessRule({ completions }: JobSpec, rule: SuccessPolicyRule, field: string): FieldError[] {
  const { succeededCount, succeededIndexes } = rule;
  const errors: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined) {
    errors.push(fieldRequired(field, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  let total: number | undefined;
  if (succeededIndexes !== undefined) {
    const here = `${field}.succeededIndexes`;
    if (succeededIndexes.length > maxIndexesLength) errors.push(fieldTooLong(here, maxIndexesLength));
    const parsed = parseIndexes(succeededIndexes, completions ?? 0);
    if (typeof parsed === 'string') {
      errors.push(fieldInvalid(here, succeededIndexes, `error parsing succeededIndexes: ${parsed}`));
    } else total = parsed;
  }
  if (succeededCount !== undefined) {
    const here = `${field}.succeededCount`;
    errors.push(...notNegative(here, succeededCount));
    if (completions !== undefined && succeededCount > completions) {
      const detail = `must be less than or equal to ${completions} (the number of specified completions)`;
      errors.push(fieldInvalid(here, succeededCount, detail));
    }
    if (total !== undefined && succeededCount > total) {
      const detail = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`;
      errors.push(fieldInvalid(here, succeededCount, detail));
    }
  }
  return errors;
}
