/** What is particular about PersistentVolumes. */
import type { PersistentVolume } from '../../generated/types/core-v1.ts';
import { timestampOf } from '../../meta/timestamp.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './validate.ts';

export const persistentVolumeStrategy = typedStrategy<PersistentVolume>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ||= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
  },
  prepareForCreate(volume, { nowMs }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: timestampOf(nowMs) };
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate(volume, old, { nowMs }) {
    keepAllButStatus(volume, old);
    const { status } = volume;
    if (!status) return;
    // The server tells when a phase changed, unless the writer did.
    const before = old.status?.lastPhaseTransitionTime;
    if (status.phase !== old.status?.phase) {
      if (!status.lastPhaseTransitionTime || status.lastPhaseTransitionTime === before) {
        status.lastPhaseTransitionTime = timestampOf(nowMs);
      }
    } else if (!status.lastPhaseTransitionTime && before) status.lastPhaseTransitionTime = before;
  },
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  validateStatusUpdate: () => [],
});
