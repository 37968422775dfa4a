/** What of storage and devices concerns a node: what its pods claim, and what is attached to it. */
import type { PersistentVolume, Pod } from '../../api/generated/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/generated/types/storage-v1.ts';
import { resources, type TypedObject } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';

const volumes = { group: '', version: 'v1', resource: 'persistentvolumes' } as const;
const attachments = { group: 'storage.k8s.io', version: 'v1', resource: 'volumeattachments' } as const;

function podsOf(store: Pick<Store, 'range'>, namespace: string, node: string): Pod[] {
  return store
    .range(collectionRange(resources.pods, namespace))
    .items.map((item) => decodeShared(recordOf(item)) as Pod)
    .filter(({ spec }) => spec?.nodeName === node);
}

/** PersistentVolumeClaims, those that ephemeral volumes make included. */
export function usesClaim(store: Pick<Store, 'range'>, namespace: string, claim: string, node: string): boolean {
  return podsOf(store, namespace, node).some(({ metadata, spec }) =>
    spec?.volumes?.some(
      ({ name, persistentVolumeClaim, ephemeral }) =>
        persistentVolumeClaim?.claimName === claim || (ephemeral && `${metadata?.name}-${name}` === claim),
    ),
  );
}

export function usesVolume(store: Pick<Store, 'range' | 'get'>, name: string, node: string): boolean {
  const item = store.get(objectKey(volumes, undefined, name));
  const claim = item && (decodeShared(recordOf(item)) as PersistentVolume).spec?.claimRef;
  return claim?.namespace !== undefined && usesClaim(store, claim.namespace, claim.name ?? '', node);
}

export function isAttachedTo(store: Pick<Store, 'get'>, name: string, node: string): boolean {
  const item = store.get(objectKey(attachments, undefined, name));
  return (
    item !== undefined && (decodeShared(recordOf(item)) as TypedObject as VolumeAttachment).spec?.nodeName === node
  );
}

/** ResourceClaims, by name or as made from a template. */
export function usesResourceClaim(
  store: Pick<Store, 'range'>,
  namespace: string,
  claim: string,
  node: string,
): boolean {
  return podsOf(store, namespace, node).some(
    ({ spec, status }) =>
      spec?.resourceClaims?.some(({ resourceClaimName }) => resourceClaimName === claim) ||
      status?.resourceClaimStatuses?.some(({ resourceClaimName }) => resourceClaimName === claim),
  );
}
