/** What is particular about ReplicaSets. */
import type { ReplicaSet } from '../../generated/types/apps-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { notNegative } from '../checks.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, sameJson, typedStrategy } from '../strategy.ts';
import { validateSelector, validateTemplate } from '../workload/validate-template.ts';

export const replicaSetStrategy = typedStrategy<ReplicaSet>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  },
  prepareForCreate(replicaSet) {
    replicaSet.status = { replicas: 0 };
    firstGeneration(replicaSet);
  },
  prepareForUpdate(replicaSet, old) {
    keepStatus(replicaSet, old);
    moveGeneration(replicaSet, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate({ spec, status }) {
    if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
    return [
      ...notNegative('spec.replicas', spec.replicas),
      ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
      ...validateSelector(spec.selector, 'replicaset'),
      ...validateTemplate(spec.template, spec.selector),
      ...notNegative('status.replicas', status?.replicas),
    ];
  },
  validateUpdate({ spec }, old) {
    if (sameJson(spec?.selector, old.spec?.selector)) return [];
    return [fieldInvalid('spec.selector', spec?.selector, 'field is immutable')];
  },
});
