/** POST to a collection. */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { ManagedFieldsEntry } from '../../api/generated/types/meta-v1.ts';
import { managedFieldsOfNew } from '../../api/managed-fields/index.ts';
import { generateName } from '../../api/meta/generate-name.ts';
import { ApiError, isReason } from '../../api/status.ts';
import { encodeForStorage } from '../../api/storage-codec.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';
import type { Compare, KeyValue, Operation } from '../../store/types.ts';
import { admissionRequest } from '../admission/request.ts';
import type { AdmissionRequest, TransactionPart } from '../admission/types.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { storedBytes } from '../custom-resources/stored-form.ts';
import { decodeObject } from '../decode-object.ts';
import { alreadyExists, conflict, forbidden, methodNotAllowedBecause, notFound } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { checkFieldManager, versionsOf, writerOf } from '../managed-fields.ts';
import { metaOf, stampNew } from '../object-meta.ts';
import { decodeShared, type ObjectRecord, recordOf } from '../object-record.ts';
import { linearizableTimeoutMs } from '../resource-version.ts';
import { toStored } from '../served-form.ts';
import { withStoreErrors } from '../store-errors.ts';
import { authorize, resolve, storageNamespace, type Target } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { validateNew } from '../validate-object.ts';

/** Names tried for one generateName, as upstream. */
const maxGeneratedNames = 8;

/** Times that a namespace may change its identity, or its quotas may be charged by other masters, under a create before we give up. */
const maxRaces = 32;

export interface CreateOptions extends WriteRequestOptions {
  /** Of an apply, which knows them; else the writer owns what it wrote. */
  readonly managedFields?: readonly ManagedFieldsEntry[] | undefined;
}

export async function createObject(
  core: ApiCore,
  context: RequestContext,
  target: Target,
  body: Body,
  options: CreateOptions = {},
): Promise<ObjectRecord> {
  const definition = resolve(core, target, 'create');
  await authorize(core, context, target, 'create');
  if (definition.custom?.terminating) {
    throw methodNotAllowedBecause('create not allowed while custom resource definition is terminating');
  }
  checkFieldManager('CreateOptions', options.fieldManager);
  if (definition.namespaced && !target.namespace) {
    throw new ApiError('BadRequest', `an empty namespace may not be set during creation of ${definition.resource}`);
  }
  const decoded = toStored(definition, decodeObject(core, definition, body, context));
  for (let attempt = 1; ; attempt++) {
    const object = structuredClone(decoded);
    const generated = nameIt(core, object);
    try {
      return await createNamed(core, context, definition, target, object, options);
    } catch (error) {
      if (!generated || attempt === maxGeneratedNames || !isReason(error, 'AlreadyExists')) throw error;
    }
  }
}

/** True when the name was made up, so that another may be tried. */
function nameIt(core: ApiCore, object: KubernetesObject): boolean {
  const meta = metaOf(object);
  if (meta.name || !meta.generateName) return false;
  meta.name = generateName(meta.generateName, (count) => Math.floor(core.random() * count));
  return true;
}

async function createNamed(
  core: ApiCore,
  context: RequestContext,
  definition: ResourceDefinition,
  target: Target,
  object: KubernetesObject,
  options: CreateOptions,
): Promise<ObjectRecord> {
  const { strategy } = definition;
  const dryRun = options.dryRun === true;
  const namespace = storageNamespace(definition, target);
  stampNew(core, definition, target, object);
  const name = object.metadata?.name ?? '';
  strategy.setDefaults?.(object);
  // What the writer means, before admission adds to it.
  const managedFields =
    options.managedFields ??
    managedFieldsOfNew(versionsOf(core, definition), object, writerOf(core, definition, undefined, options));
  if (namespace !== undefined) await usableNamespace(core, context, definition, namespace, name);
  const request = admissionRequest(context, {
    operation: 'CREATE',
    definition,
    namespace,
    name,
    dryRun,
    object,
    options,
  });
  await core.admission.mutate(request);
  strategy.prepareForCreate?.(object, { user: context.user, nowMs: core.clock.nowMs() });
  if (managedFields) metaOf(object).managedFields = managedFields as ManagedFieldsEntry[];
  validateNew(definition, object);
  await core.admission.validate(request);
  for (const warning of strategy.warnings?.(object, undefined) ?? []) context.warn?.(warning);
  return insert(core, context, request, object);
}

async function insert(
  core: ApiCore,
  context: RequestContext,
  { definition, namespace, name, dryRun, charge }: AdmissionRequest,
  object: KubernetesObject,
): Promise<ObjectRecord> {
  const key = objectKey(definition, namespace, name);
  const current = () =>
    withStoreErrors(() => core.store.linearizable({ signal: context.signal, timeoutMs: linearizableTimeoutMs }));
  // In the version that is stored, which may not be the one that the writer sees.
  const converted = definition.custom && (await storedBytes(definition, object));
  if (dryRun) {
    await current();
    if (core.store.get(key)) throw alreadyExists(definition, name);
    await charge?.plan();
    return { value: allocate(core, definition, object).value, revision: 0 };
  }
  const leave = await charge?.enter();
  try {
    for (let attempt = 1; ; attempt++) {
      const compare: Compare[] = [{ key, target: 'version', operator: '=', operand: 0 }];
      if (namespace !== undefined) {
        // Nothing is ever created in a namespace that is gone: decided where the write stands in the log.
        const inside = await usableNamespace(core, context, definition, namespace, name);
        compare.push({ key: inside.key, target: 'createRevision', operator: '=', operand: inside.createRevision });
      }
      const charged = await charge?.plan();
      let allocated: Allocated;
      try {
        allocated = allocate(core, definition, object);
      } catch (error) {
        // Counts only if what this replica knows is current.
        if (attempt > 1) throw error;
        await current();
        continue;
      }
      const { value, part } = allocated;
      const success: Operation[] = [{ type: 'put', key, value: converted ?? value }];
      for (const { compare: holds, success: writes } of [charged, part].filter((one) => one !== undefined)) {
        compare.push(...holds);
        success.push(...writes);
      }
      const result = await withStoreErrors(() =>
        core.store.transact(
          { compare, success, failure: [{ type: 'range', key }] },
          { fenceTerm: context.fenceTerm, signal: context.signal },
        ),
      );
      if (result.succeeded) return { value, revision: result.revision };
      const [existing] = result.results;
      if (existing?.type === 'range' && existing.items.length > 0) throw alreadyExists(definition, name);
      if (attempt >= maxRaces)
        throw charge || part ? race(definition, name) : notFound(resources.namespaces, namespace ?? '');
      await current();
    }
  } finally {
    leave?.();
  }
}

interface Allocated {
  readonly value: Uint8Array;
  readonly part: TransactionPart | undefined;
}

/** What the object is given beside what its writer says, and the object with it. @throws ApiError when there is nothing to give */
function allocate(core: ApiCore, definition: ResourceDefinition, object: KubernetesObject): Allocated {
  const allocator = core.allocators.get(`${definition.resource}.${definition.group}`);
  const complete = allocator ? structuredClone(object) : object;
  const part = allocator?.plan(complete, undefined);
  return { value: encodeForStorage(complete), part };
}

/** Other masters were faster every time. */
function race(definition: ResourceDefinition, name: string): ApiError {
  return conflict(definition, name, 'quotas or addresses that it needs are being taken by others; please try again');
}

/** @throws ApiError NotFound; Forbidden while the namespace is being deleted */
async function usableNamespace(
  core: ApiCore,
  context: RequestContext,
  definition: ResourceDefinition,
  namespace: string,
  name: string,
): Promise<KeyValue> {
  const key = objectKey(resources.namespaces, undefined, namespace);
  let item = core.store.get(key);
  if (!item || isTerminating(item)) {
    await withStoreErrors(() => core.store.linearizable({ signal: context.signal, timeoutMs: linearizableTimeoutMs }));
    item = core.store.get(key);
  }
  if (!item) throw notFound(resources.namespaces, namespace);
  if (isTerminating(item)) {
    throw forbidden(
      definition,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    );
  }
  return item;
}

function isTerminating(namespace: KeyValue): boolean {
  return decodeShared(recordOf(namespace)).metadata?.deletionTimestamp !== undefined;
}
