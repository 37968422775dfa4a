/** When an object that is being deleted may go. */
import type { ResourceDefinition } from '../api/definition.ts';
import { ApiError } from '../api/status.ts';
import type { KubernetesObject } from '../api/types.ts';
import { conflict } from './errors.ts';
import { metaOf, timestamp } from './object-meta.ts';

/** Finalizers by which deletion options travel to the garbage collector. */
export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export interface DeleteRequest {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: string | undefined;
  /** The older way to say Orphan (true) or Background (false). */
  readonly orphanDependents?: boolean | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
}

/** Some controller must still do something before the object may go. */
export function isHeld(definition: ResourceDefinition, object: KubernetesObject): boolean {
  if ((object.metadata?.finalizers?.length ?? 0) > 0) return true;
  if (definition.group !== '' || definition.resource !== 'namespaces') return false;
  const spec = object.spec as { finalizers?: readonly string[] } | undefined;
  return (spec?.finalizers?.length ?? 0) > 0;
}

/** After an update: deletion was asked for, its grace is over, and this update took the last finalizer. */
export function isDueAfterUpdate(
  definition: ResourceDefinition,
  object: KubernetesObject,
  old: KubernetesObject,
): boolean {
  const meta = object.metadata;
  if (!meta?.deletionTimestamp || (meta.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return isHeld(definition, old) && !isHeld(definition, object);
}

/** @throws ApiError Conflict */
export function checkPreconditions(
  definition: ResourceDefinition,
  object: KubernetesObject,
  preconditions: DeleteRequest['preconditions'],
): void {
  const { uid, resourceVersion, name = '' } = object.metadata ?? {};
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(
      definition,
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      definition,
      name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** `remove`: now. `mark`: `object` was changed in place and stays. `keep`: deletion is under way already and nothing changes. */
export type DeletionStep = 'remove' | 'mark' | 'keep';

/** Decides on `object`, a private copy of what is stored. @throws ApiError BadRequest */
export function planDeletion(
  definition: ResourceDefinition,
  object: KubernetesObject,
  request: DeleteRequest,
  nowMs: number,
): DeletionStep {
  const meta = metaOf(object);
  const finalizersBefore = JSON.stringify(meta.finalizers ?? []);
  applyPropagation(definition, object, request);
  if (!meta.deletionTimestamp) definition.strategy.prepareForDeletion?.(object, nowMs);
  const grace = gracePeriod(definition, object, request.gracePeriodSeconds);
  if (grace === 0 && !isHeld(definition, object)) return 'remove';
  const changed = markDeleted(definition, object, request, grace, nowMs);
  return changed || JSON.stringify(meta.finalizers ?? []) !== finalizersBefore ? 'mark' : 'keep';
}

function gracePeriod(definition: ResourceDefinition, object: KubernetesObject, requested: number | undefined): number {
  if (!definition.strategy.gracePeriodSeconds) return 0;
  if (requested !== undefined && requested < 0) requested = 1;
  const grace = definition.strategy.gracePeriodSeconds(object, requested);
  const meta = object.metadata;
  if (!meta?.deletionTimestamp) return grace;
  const current = meta.deletionGracePeriodSeconds ?? 0;
  // Under way: may only be shortened, and only by one who says so.
  return requested === undefined ? current : Math.min(current, grace);
}

function markDeleted(
  definition: ResourceDefinition,
  object: KubernetesObject,
  request: DeleteRequest,
  grace: number,
  nowMs: number,
): boolean {
  const meta = metaOf(object);
  if (meta.deletionTimestamp) {
    const current = meta.deletionGracePeriodSeconds ?? 0;
    if (grace >= current || request.gracePeriodSeconds === undefined) return false;
    meta.deletionTimestamp = timestamp(Date.parse(meta.deletionTimestamp) - (current - grace) * 1000);
    meta.deletionGracePeriodSeconds = grace;
    return true;
  }
  meta.deletionTimestamp = timestamp(nowMs + grace * 1000);
  meta.deletionGracePeriodSeconds = grace;
  if (definition.group === '' && definition.resource === 'namespaces') {
    // Upstream marks a namespace without a grace period, and tells its phase at once.
    delete meta.deletionGracePeriodSeconds;
    object.status = { ...(object.status as object | undefined), phase: 'Terminating' };
  }
  if (meta.generation) meta.generation += 1;
  return true;
}

function applyPropagation(definition: ResourceDefinition, object: KubernetesObject, request: DeleteRequest): void {
  const policy = propagationPolicy(request) ?? (definition.orphansByDefault ? 'Orphan' : undefined);
  if (policy === undefined) return;
  const meta = metaOf(object);
  const finalizers = (meta.finalizers ?? []).filter((one) => one !== foregroundFinalizer && one !== orphanFinalizer);
  if (policy === 'Foreground') finalizers.push(foregroundFinalizer);
  if (policy === 'Orphan') finalizers.push(orphanFinalizer);
  if (finalizers.length > 0) meta.finalizers = finalizers;
  else delete meta.finalizers;
}

function propagationPolicy(request: DeleteRequest): string | undefined {
  const { propagationPolicy: policy, orphanDependents } = request;
  if (policy !== undefined && orphanDependents !== undefined) {
    throw new ApiError('BadRequest', 'orphanDependents and deletionPropagation cannot be both set');
  }
  if (policy !== undefined && policy !== 'Foreground' && policy !== 'Background' && policy !== 'Orphan') {
    throw new ApiError(
      'BadRequest',
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan"`,
    );
  }
  if (orphanDependents !== undefined) return orphanDependents ? 'Orphan' : 'Background';
  return policy;
}
