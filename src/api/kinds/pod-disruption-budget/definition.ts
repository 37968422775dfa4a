/** policy/v1 PodDisruptionBudget. */
import type { FieldError } from '../../definition.ts';
import type { PodDisruptionBudget } from '../../generated/types/policy-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { column } from '../../table/column.ts';
import { countOrPercent, notMoreThanAll, notNegativeFields, oneOf } from '../checks.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';

const kind = { group: 'policy', version: 'v1', kind: 'PodDisruptionBudget' } as const;
const noValue = 'N/A';
const counters = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'];

export const podDisruptionBudgetDefinition = defineKind({
  ...kind,
  resource: 'poddisruptionbudgets',
  namespaced: true,
  shortNames: ['pdb'],
  subresources: [statusSubresource(kind)],
  needsResourceVersion: true,
  columns: [
    column<PodDisruptionBudget>('Min Available', 'Pods that must stay.', ({ spec }) =>
      String(spec?.minAvailable ?? noValue),
    ),
    column<PodDisruptionBudget>('Max Unavailable', 'Pods that may be missing.', ({ spec }) =>
      String(spec?.maxUnavailable ?? noValue),
    ),
    column<PodDisruptionBudget>(
      'Allowed Disruptions',
      'Pods that may be evicted now.',
      ({ status }) => status?.disruptionsAllowed ?? 0,
      { type: 'integer' },
    ),
  ],
  strategy: typedStrategy<PodDisruptionBudget>({
    prepareForCreate(budget) {
      budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
      firstGeneration(budget);
    },
    prepareForUpdate(budget, old) {
      keepStatus(budget, old);
      moveGeneration(budget, old);
    },
    prepareForStatusUpdate: keepAllButStatus,
    validate: validateBudget,
    validateStatusUpdate: ({ status }) => notNegativeFields('status', status, counters),
    warnings({ spec }, old) {
      if (old || !spec?.selector) return [];
      const { matchLabels = {}, matchExpressions = [] } = spec.selector;
      if (Object.keys(matchLabels).length + matchExpressions.length > 0) return [];
      return ['spec.selector: empty selector results in matching all pods'];
    },
  }),
});

function validateBudget({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const { minAvailable, maxUnavailable, selector } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(fieldInvalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  return [
    ...errors,
    ...countOrPercent('spec.minAvailable', minAvailable),
    ...notMoreThanAll('spec.minAvailable', minAvailable),
    ...countOrPercent('spec.maxUnavailable', maxUnavailable),
    ...notMoreThanAll('spec.maxUnavailable', maxUnavailable),
    ...(selector ? validateLabelSelector(selector, 'spec.selector') : []),
    ...oneOf('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']),
  ];
}
