/** Whether what is to be deleted is still in use. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types/core-v1.ts';

/** `namespace/name` of the claims that the pod mounts; those of ephemeral volumes are named after pod and volume. */
export function claimsOf({ metadata, spec }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${metadata?.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${metadata?.namespace}/${metadata?.name}-${name}`] : [];
  });
}

/** `pods`: those that name the claim. One without a node will not get one with a claim that is being deleted. */
export function isClaimUsed(claim: PersistentVolumeClaim, pods: readonly Pod[]): boolean {
  return pods.some(({ metadata, spec }) => {
    if (!spec?.nodeName) return false;
    const own = claim.metadata?.ownerReferences?.some(({ uid }) => uid === metadata?.uid);
    const isMounted = spec.volumes?.some(
      ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.metadata?.name,
    );
    const isGone = metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
    return isMounted || (own && !isGone);
  });
}

export function isVolumeUsed({ status }: PersistentVolume): boolean {
  return status?.phase === 'Bound';
}

/** Names of the VolumeAttributesClasses that a claim or volume has, had or is to have. */
export function attributesClassesOf({ spec, status }: PersistentVolumeClaim & PersistentVolume): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    (status as PersistentVolumeClaim['status'])?.currentVolumeAttributesClassName,
    (status as PersistentVolumeClaim['status'])?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return names.filter((name): name is string => Boolean(name));
}
