/** What is particular about PersistentVolumeClaims. */
import type { PersistentVolumeClaim } from '../../generated/types/core-v1.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';
import { dropForeignSource, normalizeDataSources, setClaimDefaults } from './defaults.ts';
import { validateClaimSpec, validateClaimStatusUpdate, validateClaimUpdate } from './validate.ts';

export const persistentVolumeClaimStrategy = typedStrategy<PersistentVolumeClaim>({
  setDefaults: setClaimDefaults,
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    dropForeignSource(claim.spec);
    normalizeDataSources(claim.spec);
  },
  prepareForUpdate(claim, old) {
    keepStatus(claim, old);
    if (!old.spec?.dataSource) dropForeignSource(claim.spec);
    normalizeDataSources(claim.spec);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec }) => validateClaimSpec(spec, 'spec'),
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
});
