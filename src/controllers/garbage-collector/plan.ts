/** What the garbage collector does with one object, from what is known of its owners and dependents. Pure. */
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import type { TypedObject } from '../../api/types.ts';
import { isDeleting } from '../shared/owners.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** `waiting`: being deleted in the foreground, for which its blocking dependents must go first. `unknown`: of a kind that is not watched. */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unknown';

export interface GarbageObservation {
  readonly object: TypedObject;
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  /** Objects that name this one as an owner. */
  readonly dependents: readonly TypedObject[];
}

export type GarbageAction =
  | { readonly type: 'none' }
  /** Its last owner is gone or wants it gone. */
  | { readonly type: 'delete'; readonly propagationPolicy: 'Background' | 'Foreground' | 'Orphan' }
  /** It keeps some owners and loses these. */
  | { readonly type: 'drop-owners'; readonly uids: readonly string[] }
  /** Its owners no longer wait for it. */
  | { readonly type: 'unblock-owners'; readonly uids: readonly string[] }
  | { readonly type: 'remove-finalizer'; readonly finalizer: string }
  /** Foreground: these must be looked at, since their owner waits for them. */
  | { readonly type: 'visit-dependents'; readonly dependents: readonly TypedObject[] }
  | { readonly type: 'orphan-dependents'; readonly dependents: readonly TypedObject[] };

export function planGarbage({ object, owners, dependents }: GarbageObservation): GarbageAction {
  const finalizers = object.metadata?.finalizers ?? [];
  if (isDeleting(object)) {
    if (finalizers.includes(orphanFinalizer))
      return dependents.length > 0
        ? { type: 'orphan-dependents', dependents }
        : { type: 'remove-finalizer', finalizer: orphanFinalizer };
    if (finalizers.includes(foregroundFinalizer)) {
      const blocking = dependents.filter((dependent) => blocks(dependent, object));
      if (blocking.length === 0) return { type: 'remove-finalizer', finalizer: foregroundFinalizer };
      return { type: 'visit-dependents', dependents: dependents.filter((dependent) => !isDeleting(dependent)) };
    }
    return { type: 'none' };
  }
  if (owners.length === 0) return { type: 'none' };
  const uids = (...states: OwnerState[]) =>
    owners.filter(({ state }) => states.includes(state)).map(({ reference }) => reference.uid);
  const lost = uids('absent', 'waiting');
  if (lost.length === 0) return { type: 'none' };
  if (lost.length < owners.length) return { type: 'drop-owners', uids: lost };
  // A dependent that waits itself cannot be waited for: the circle is cut here, or nobody in it would ever go.
  const circle = uids('waiting').length > 0 && dependents.some(isWaiting);
  if (circle) {
    const blocking = owners
      .filter(({ reference }) => reference.blockOwnerDeletion)
      .map(({ reference }) => reference.uid);
    if (blocking.length > 0) return { type: 'unblock-owners', uids: blocking };
  }
  // A foreground deletion reaches down the whole tree.
  if (uids('waiting').length > 0 && dependents.length > 0) return { type: 'delete', propagationPolicy: 'Foreground' };
  const propagationPolicy = finalizers.includes(orphanFinalizer)
    ? 'Orphan'
    : finalizers.includes(foregroundFinalizer)
      ? 'Foreground'
      : 'Background';
  return { type: 'delete', propagationPolicy };
}

function isWaiting(object: TypedObject): boolean {
  return isDeleting(object) && (object.metadata?.finalizers ?? []).includes(foregroundFinalizer);
}

function blocks(dependent: TypedObject, owner: TypedObject): boolean {
  return (dependent.metadata?.ownerReferences ?? []).some(
    ({ uid, blockOwnerDeletion }) => uid === owner.metadata?.uid && blockOwnerDeletion === true,
  );
}

/** Its owner waits in a foreground deletion, or it waits itself, or it has to let its dependents go. */
export function hasCollectorFinalizer(object: TypedObject): boolean {
  const finalizers = object.metadata?.finalizers ?? [];
  return finalizers.includes(foregroundFinalizer) || finalizers.includes(orphanFinalizer);
}
