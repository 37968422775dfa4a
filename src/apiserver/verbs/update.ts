/** PUT of an object or of one of the subresources that are views of the object itself (status, finalize, ephemeralcontainers). */
import type { ResourceDefinition, Strategy } from '../../api/definition.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { ApiError, isReason } from '../../api/status.ts';
import type { GroupVersionKind, KubernetesObject } from '../../api/types.ts';
import { admissionRequest } from '../admission/request.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import { type Change, changeObject } from '../change-object.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { isDueAfterUpdate } from '../deletion.ts';
import { checkFieldManager, managedFieldsAfterUpdate, setManagedFields, writerOf } from '../managed-fields.ts';
import { stampUpdate } from '../object-meta.ts';
import { decodeFresh, decodeShared, type ObjectRecord } from '../object-record.ts';
import { fromStored, toStored } from '../served-form.ts';
import { prepareEphemeralContainers } from '../subresources/ephemeral-containers.ts';
import { prepareFinalize } from '../subresources/finalize.ts';
import { authorize, type NamedTarget, resolve, storageNamespace } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { validateChanged } from '../validate-object.ts';
import { createObject } from './create.ts';

export async function updateObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: Body,
  options: WriteRequestOptions = {},
): Promise<ObjectRecord> {
  const definition = resolve(core, target, 'update');
  await authorize(core, context, target, 'update');
  checkFieldManager('UpdateOptions', options.fieldManager);
  const decoded = toStored(definition, decodeObject(core, definition, body, context));
  const creates = definition.createOnUpdate === true && target.subresource === undefined;
  const unversioned = !decoded.metadata?.resourceVersion;
  const wanted = (): KubernetesObject => {
    if (definition.needsResourceVersion && unversioned) throw versionMissing(definition, target.name);
    return structuredClone(decoded);
  };
  try {
    return await replaceObject(core, context, target, definition, options, wanted);
  } catch (error) {
    // Only what names no version is meant to be new.
    if (!creates || !unversioned || !isReason(error, 'NotFound')) throw error;
    const { name, ...collection } = target;
    const object = fromStored(definition, { ...decoded, metadata: { ...decoded.metadata, name } });
    return { ...(await createObject(core, context, collection, { object }, options)), created: true };
  }
}

function versionMissing(definition: ResourceDefinition, name: string): ApiError {
  const kind = { group: definition.group, kind: definition.resource };
  const error = fieldInvalid('metadata.resourceVersion', 0, 'must be specified for an update');
  return invalid(kind, name, [error]);
}

/** How a write keeps the managed fields. */
export interface Management {
  /** Where the write came in, if that is not what it changes (`scale`). */
  readonly through?: string | undefined;
  /** An apply: what `derive` gives has its managed fields already. */
  readonly applied?: boolean | undefined;
  /** What the client sees of the object, if that is something else: admission sees it too. */
  readonly view?: ObjectView | undefined;
}

export interface ObjectView {
  readonly kind: GroupVersionKind;
  of(object: KubernetesObject): KubernetesObject;
  /** Puts what admission made of the view into the object, in place. */
  put(view: KubernetesObject, object: KubernetesObject): void;
}

/**
 * The common end of update and patch. `derive` makes the wanted object, in its stored form, from what is stored (with its resourceVersion), as a private copy;
 * it is called again when somebody else wrote in between.
 */
export async function replaceObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  definition: ResourceDefinition,
  options: WriteRequestOptions,
  derive: (current: ObjectRecord) => KubernetesObject,
  management: Management = {},
): Promise<ObjectRecord> {
  const prepare = prepareOf(definition, target.subresource);
  const dryRun = options.dryRun === true;
  const namespace = storageNamespace(definition, target);
  const change = async (current: ObjectRecord): Promise<Change> => {
    const old = decodeShared(current);
    const object = derive(current);
    const requested = object.metadata?.managedFields;
    stampUpdate(definition, target, object, old);
    definition.strategy.setDefaults?.(object);
    const { subresource, name } = target;
    const track = (): typeof requested => {
      const writer = writerOf(core, definition, management.through ?? subresource, options);
      const given = management.through === undefined && subresource === undefined ? requested : undefined;
      return managedFieldsAfterUpdate(core, definition, { old, object, requested: given, writer }) as typeof requested;
    };
    // Of the object itself: what its writer means, before admission adds to it. Of a subresource: what it let through.
    const early = management.applied ? requested : subresource === undefined ? track() : undefined;
    const { view } = management;
    const request = admissionRequest(context, {
      operation: 'UPDATE',
      definition,
      subresource: management.through ?? subresource,
      namespace,
      name,
      dryRun,
      object: view ? view.of(object) : object,
      oldObject: view ? view.of(old) : old,
      kind: view?.kind,
      options,
    });
    await core.admission.mutate(request);
    if (view) view.put(request.object!, object);
    prepare?.(object, decodeFresh(current), { user: context.user, nowMs: core.clock.nowMs() });
    const late = !management.applied && subresource !== undefined;
    setManagedFields(object, old, late ? track() : early);
    validateChanged(definition, object, old, subresource);
    await core.admission.validate(request);
    if (subresource === undefined) {
      for (const warning of definition.strategy.warnings?.(object, old) ?? []) context.warn?.(warning);
    }
    return { type: isDueAfterUpdate(definition, object, old) ? 'delete' : 'put', object, charge: request.charge };
  };
  const { record } = await changeObject(core, context, { definition, namespace, name: target.name, dryRun, change });
  return record;
}

function prepareOf(definition: ResourceDefinition, subresource: string | undefined): Strategy['prepareForUpdate'] {
  switch (subresource) {
    case undefined:
      return definition.strategy.prepareForUpdate?.bind(definition.strategy);
    case 'status':
      return definition.strategy.prepareForStatusUpdate?.bind(definition.strategy) ?? prepareStatusOnly;
    case 'finalize':
      return prepareFinalize;
    case 'ephemeralcontainers':
      return prepareEphemeralContainers;
    default: {
      const own = definition.strategy.subresources?.[subresource];
      if (own) return own.prepareForUpdate.bind(own);
      throw new ApiError('MethodNotAllowed', `${definition.resource}/${subresource} cannot be written this way`);
    }
  }
}

/** For kinds without a strategy of their own: everything but status (and the metadata that the server keeps) stays. */
function prepareStatusOnly(object: KubernetesObject, old: KubernetesObject): void {
  const { status } = object;
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, old);
  delete object.metadata?.resourceVersion;
  if (status === undefined) delete object.status;
  else object.status = status;
}
