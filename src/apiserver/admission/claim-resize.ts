/** Claims may grow if they are bound and their StorageClass allows it (Kubernetes, "PersistentVolumeClaimResize"). */
import type { PersistentVolumeClaim } from '../../api/generated/types/core-v1.ts';
import type { StorageClass } from '../../api/generated/types/storage-v1.ts';
import { compareQuantities, parseQuantity } from '../../api/meta/quantity.ts';
import { classOf } from '../../api/quota/claims.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const storageClasses = { group: 'storage.k8s.io', resource: 'storageclasses' };

export function claimResize(store: Pick<Store, 'get'>): AdmissionPlugin {
  const mayGrow = (name: string | undefined): boolean => {
    const item = name ? store.get(objectKey(storageClasses, undefined, name)) : undefined;
    return (
      item !== undefined && (decodeShared(recordOf(item)) as unknown as StorageClass).allowVolumeExpansion === true
    );
  };
  return {
    name: 'PersistentVolumeClaimResize',
    ...concerns({ group: '', resource: 'persistentvolumeclaims' }, 'UPDATE'),
    validate(request) {
      const claim = objectOf<PersistentVolumeClaim>(request);
      const old = request.oldObject as PersistentVolumeClaim;
      if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
      const refuse = (why: string) => forbidden(request.definition, request.name, why);
      if (old.status?.phase !== 'Bound') throw refuse('Only bound persistent volume claims can be expanded');
      if (classOf(claim) === classOf(old) && mayGrow(classOf(claim))) return;
      throw refuse(
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim) {
  return parseQuantity(String(spec?.resources?.requests?.storage ?? '0'));
}
