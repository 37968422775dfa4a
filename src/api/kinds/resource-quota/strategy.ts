/** What is particular about ResourceQuotas: what they count, and for which pods. */
import type { FieldError } from '../../definition.ts';
import type { ResourceQuota, ResourceQuotaSpec, ScopeSelector } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { each, matches, notNegativeQuantity } from '../checks.ts';
import { keepAllButStatus, keepStatus, sameJson, typedStrategy } from '../strategy.ts';

const scopes = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
const operators = ['DoesNotExist', 'Exists', 'In', 'NotIn'];
/** Names without a domain that a quota may count. */
const plainResources = new Set(
  'cpu memory ephemeral-storage pods services replicationcontrollers resourcequotas secrets configmaps persistentvolumeclaims requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage services.nodeports services.loadbalancers'.split(
    ' ',
  ),
);
const podResources =
  /^(?:pods|cpu|memory|ephemeral-storage|(?:requests|limits)\.(?:cpu|memory|ephemeral-storage)|(?:requests\.)?hugepages-.*|requests\.[^/]+\/.*)$/;
const bestEffortResources = new Set(['pods']);

export const resourceQuotaStrategy = typedStrategy<ResourceQuota>({
  prepareForCreate(quota) {
    quota.status = {};
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec = {} }) => [
    ...validateAmounts(spec.hard, 'spec.hard'),
    ...validateScopes(spec),
    ...validateScopeSelector(spec.scopeSelector, spec),
  ],
  validateUpdate(quota, old) {
    const before = [...(old.spec?.scopes ?? [])].sort();
    if (sameJson([...(quota.spec?.scopes ?? [])].sort(), before)) return [];
    return [fieldInvalid('spec.scopes', quota.spec?.scopes ?? null, 'field is immutable')];
  },
  validateStatusUpdate: ({ status = {} }) => [
    ...validateAmounts(status.hard, 'status.hard'),
    ...validateAmounts(status.used, 'status.used'),
  ],
});

function validateAmounts(amounts: Readonly<Record<string, unknown>> | undefined, field: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => {
    const here = `${field}[${name}]`;
    const errors = [...matches(here, name, validQualifiedName), ...notNegativeQuantity(here, amount)];
    const isPlain = !name.includes('/') && !/^(?:requests\.)?hugepages-/.test(name);
    if (isPlain && !plainResources.has(name)) {
      errors.push(
        fieldInvalid(here, name, 'must be a standard resource type or fully qualified'),
        fieldInvalid(here, name, 'must be a standard resource for quota'),
      );
    }
    return errors;
  });
}

function validateScopes({ scopes: given = [], hard = {} }: ResourceQuotaSpec): FieldError[] {
  if (given.length === 0) return [];
  const field = 'spec.scopes';
  const errors: FieldError[] = [];
  for (const scope of given) {
    if (!scopes.includes(scope)) {
      errors.push(fieldInvalid(field, given, 'unsupported scope'));
      continue;
    }
    const allowed =
      scope === 'BestEffort'
        ? (name: string) => bestEffortResources.has(name)
        : (name: string) => podResources.test(name);
    for (const name of Object.keys(hard)) {
      if (!allowed(name)) errors.push(fieldInvalid(field, given, 'unsupported scope applied to resource'));
    }
  }
  for (const pair of opposites) {
    if (pair.every((scope) => given.includes(scope))) errors.push(fieldInvalid(field, given, 'conflicting scopes'));
  }
  return errors;
}

function validateScopeSelector(selector: ScopeSelector | undefined, { hard = {} }: ResourceQuotaSpec): FieldError[] {
  if (!selector) return [];
  const field = 'spec.scopeSelector';
  // Upstream's paths do not tell which expression.
  const here = `${field}.matchExpressions`;
  return each(here, selector.matchExpressions, ({ scopeName, operator, values = [] }) => {
    const errors: FieldError[] = [];
    if (!scopes.includes(scopeName)) errors.push(fieldInvalid(`${here}.scopeName`, scopeName, 'unsupported scope'));
    else if (scopeName === 'BestEffort' && !Object.keys(hard).every((name) => bestEffortResources.has(name))) {
      errors.push(fieldInvalid(field, scopeName, 'unsupported scope applied to resource'));
    }
    const byValue = scopeName === 'PriorityClass' || scopeName === 'VolumeAttributesClass';
    if (!byValue && operator !== 'Exists') {
      const detail = `must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity`;
      errors.push(fieldInvalid(`${here}.operator`, operator, detail));
    }
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) {
        const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
        errors.push(fieldRequired(`${here}.values`, detail));
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        const detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
        errors.push(fieldInvalid(`${here}.values`, values, detail));
      }
    } else errors.push(fieldNotSupported(`${here}.operator`, operator, operators));
    return errors;
  });
}
