/** Owner references: who controls what. */
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import type { TypedObject } from '../../api/types.ts';

export function controllerOf(object: TypedObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export function controllerReference(owner: TypedObject, apiVersion: string, kind: string): OwnerReference {
  return {
    apiVersion,
    kind,
    name: owner.metadata!.name!,
    uid: owner.metadata!.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function isDeleting(object: TypedObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

/** Indexers for informers that several controllers share: objects by the uid of their controller, and those without one by namespace. */
export const ownerIndexers = {
  controller: (object: TypedObject): string[] => {
    const uid = controllerOf(object)?.uid;
    return uid ? [uid] : [];
  },
  uncontrolled: (object: TypedObject): string[] => (controllerOf(object) ? [] : [object.metadata?.namespace ?? '']),
};

export interface Claim<T> {
  /** Owned already and still selected. */
  readonly owned: T[];
  /** Selected and nobody's: to be adopted. */
  readonly adopt: T[];
  /** Owned but no longer selected: to be let go. */
  readonly release: T[];
}

/**
 * Splits candidates by whose they are and whose they should be. An owner that is being deleted, or an object that is, changes hands
 * no more.
 */
export function claim<T extends TypedObject>(
  owner: TypedObject,
  candidates: readonly T[],
  isSelected: (object: T) => boolean,
): Claim<T> {
  const result: Claim<T> = { owned: [], adopt: [], release: [] };
  for (const object of candidates) {
    const controller = controllerOf(object);
    if (controller && controller.uid !== owner.metadata?.uid) continue;
    const selected = isSelected(object);
    if (controller && (selected || isDeleting(owner))) result.owned.push(object);
    else if (controller && !isDeleting(object)) result.release.push(object);
    else if (!controller && selected && !isDeleting(owner) && !isDeleting(object)) result.adopt.push(object);
  }
  return result;
}
