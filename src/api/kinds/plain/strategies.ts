/** The little that is particular about kinds on which nothing acts yet. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../generated/types/core-v1.ts';
import type { ClusterRoleBinding, RoleBinding } from '../../generated/types/rbac-v1.ts';
import type { PriorityClass } from '../../generated/types/scheduling-v1.ts';
import type { StorageClass } from '../../generated/types/storage-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validPathSegment } from '../../meta/names.ts';
import { oneOf, required } from '../checks.ts';
import { keepAllButStatus, keepStatus, sameJson, typedStrategy } from '../strategy.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

export const roleStrategy = typedStrategy({ validateName: validPathSegment });

/** Who is bound may change, to what may not. */
export const bindingStrategy = typedStrategy<RoleBinding | ClusterRoleBinding>({
  validateName: validPathSegment,
  setDefaults({ roleRef, subjects }) {
    if (roleRef) roleRef.apiGroup ||= rbacGroup;
    for (const subject of subjects ?? []) {
      if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
    }
  },
  validate({ roleRef, subjects }) {
    if (!roleRef) return [fieldRequired('roleRef')];
    return [
      ...oneOf('roleRef.kind', roleRef.kind, ['ClusterRole', 'Role']),
      ...required('roleRef.name', roleRef.name),
      ...(subjects ?? []).flatMap((subject, index) => [
        ...oneOf(`subjects[${index}].kind`, subject.kind, ['Group', 'ServiceAccount', 'User']),
        ...required(`subjects[${index}].name`, subject.name),
      ]),
    ];
  },
  validateUpdate(binding, old) {
    return sameJson(binding.roleRef, old.roleRef)
      ? []
      : [fieldInvalid('roleRef', binding.roleRef, 'cannot change roleRef')];
  },
});

export const persistentVolumeStrategy = typedStrategy<PersistentVolume>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ||= 'Filesystem';
  },
  prepareForCreate(volume) {
    volume.status = { phase: 'Pending' };
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
});

export const persistentVolumeClaimStrategy = typedStrategy<PersistentVolumeClaim>({
  setDefaults({ spec }) {
    if (spec) spec.volumeMode ||= 'Filesystem';
  },
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
});

export const priorityClassStrategy = typedStrategy<PriorityClass>({
  setDefaults(priorityClass) {
    priorityClass.preemptionPolicy ||= 'PreemptLowerPriority';
  },
  validateUpdate(priorityClass, old) {
    return priorityClass.value === old.value ? [] : [fieldForbidden('value', 'may not be changed in an update.')];
  },
});

export const storageClassStrategy = typedStrategy<StorageClass>({
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ||= 'Delete';
    storageClass.volumeBindingMode ||= 'Immediate';
  },
  validate: ({ provisioner }) => required('provisioner', provisioner),
  validateUpdate(storageClass, old) {
    return (['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'] as const)
      .filter((field) => !sameJson(storageClass[field], old[field]))
      .map((field) => fieldForbidden(field, 'updates to this field are forbidden.'));
  },
});
