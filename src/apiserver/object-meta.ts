/** What the server, and not the client, says in an object's metadata. */
import type { ResourceDefinition } from '../api/definition.ts';
import { ApiError } from '../api/status.ts';
import type { KubernetesObject, ObjectMeta } from '../api/types.ts';
import type { ApiCore } from './core.ts';
import { conflict, objectModified } from './errors.ts';
import { storageNamespace, type Target } from './target.ts';

/** RFC 3339 with whole seconds, as metav1.Time is written. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

export function metaOf(object: KubernetesObject): ObjectMeta {
  object.metadata ??= {};
  return object.metadata;
}

/** Puts the namespace of the path into the object. @throws ApiError BadRequest when the object names another */
function placeInNamespace(definition: ResourceDefinition, target: Target, meta: ObjectMeta): void {
  const namespace = storageNamespace(definition, target);
  if (meta.namespace && meta.namespace !== namespace) {
    throw new ApiError(
      'BadRequest',
      namespace === undefined
        ? `the object's metadata.namespace must be empty: ${definition.resource} are not namespaced`
        : `the namespace of the provided object does not match the namespace sent on the request (${JSON.stringify(meta.namespace)}, ${JSON.stringify(namespace)})`,
    );
  }
  if (namespace === undefined) delete meta.namespace;
  else meta.namespace = namespace;
}

/** Of a new object: in place, before defaults. @throws ApiError BadRequest */
export function stampNew(
  core: ApiCore,
  definition: ResourceDefinition,
  target: Target,
  object: KubernetesObject,
): void {
  const meta = metaOf(object);
  placeInNamespace(definition, target, meta);
  if (meta.resourceVersion) {
    throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  for (const field of [
    'resourceVersion',
    'selfLink',
    'managedFields',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    delete meta[field];
  }
  delete meta.generation;
  meta.uid = core.newUid();
  meta.creationTimestamp = timestamp(core.clock.nowMs());
}

/** Of an object that replaces `old`: in place. Checks that it is meant. @throws ApiError BadRequest, Conflict */
export function stampUpdate(
  definition: ResourceDefinition,
  target: Target & { readonly name: string },
  object: KubernetesObject,
  old: KubernetesObject,
): void {
  const meta = metaOf(object);
  placeInNamespace(definition, target, meta);
  meta.name ||= target.name;
  if (meta.name !== target.name) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${meta.name}) does not match the name on the URL (${target.name})`,
    );
  }
  const before = old.metadata ?? {};
  if (meta.uid && meta.uid !== before.uid) {
    throw conflict(
      definition,
      target.name,
      `Precondition failed: UID in precondition: ${meta.uid}, UID in object meta: ${before.uid ?? ''}`,
    );
  }
  if (meta.resourceVersion && meta.resourceVersion !== '0' && meta.resourceVersion !== before.resourceVersion) {
    throw objectModified(definition, target.name);
  }
  for (const field of ['resourceVersion', 'selfLink', 'managedFields'] as const) delete meta[field];
  keep(meta, before, 'uid');
  keep(meta, before, 'creationTimestamp');
  keep(meta, before, 'deletionTimestamp');
  keep(meta, before, 'deletionGracePeriodSeconds');
  keep(meta, before, 'generation');
  keep(meta, before, 'generateName');
}

function keep<K extends keyof ObjectMeta>(meta: ObjectMeta, before: ObjectMeta, field: K): void {
  if (before[field] === undefined) delete meta[field];
  else meta[field] = before[field];
}
