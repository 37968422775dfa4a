/** What is particular about StatefulSets. */
import type { StatefulSet } from '../../generated/types/apps-v1.ts';
import { setClaimDefaults } from '../persistent-volume-claim/defaults.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateCollisionCount, validateReplicaCounts } from '../workload/status.ts';
import { validateNewStatefulSet, validateStatefulSet, validateStatefulSetUpdate } from './validate.ts';

const revisionHistoryLimit = 10;
const counted = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];

export const statefulSetStrategy = typedStrategy<StatefulSet>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    if (!spec.updateStrategy.type) {
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    }
    if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate) {
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= revisionHistoryLimit;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ??= 'v1';
      claim.kind ??= 'PersistentVolumeClaim';
      setClaimDefaults(claim);
      claim.status = { phase: 'Pending', ...claim.status };
    }
    if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  },
  prepareForCreate(statefulSet) {
    statefulSet.status = { replicas: 0, availableReplicas: 0 };
    dropDisabled(statefulSet);
    firstGeneration(statefulSet);
  },
  prepareForUpdate(statefulSet, old) {
    keepStatus(statefulSet, old);
    if (old.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) dropDisabled(statefulSet);
    moveGeneration(statefulSet, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateStatefulSet,
  validateCreate: validateNewStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: ({ status }, old) => [
    ...validateReplicaCounts(status, counted),
    ...validateCollisionCount(status, old.status),
  ],
  warnings({ spec }) {
    return (spec?.revisionHistoryLimit ?? 0) < 0
      ? ['spec.revisionHistoryLimit: a negative value keeps every old revision; 0 or more is recommended']
      : [];
  },
});

/** `maxUnavailable` of StatefulSets is behind a feature gate that is off by default in 1.35. */
function dropDisabled({ spec }: StatefulSet): void {
  delete spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
}
