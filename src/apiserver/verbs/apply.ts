/** PATCH with `application/apply-patch+yaml`: server-side apply. Creates what is not there. */
import { type DecodedKind, decodeValue, type ParsedBody, parseBody } from '../../api/codec/body.ts';
import type { ResourceDefinition } from '../../api/definition.ts';
import {
  applyConfiguration,
  encodeManagers,
  kubectlManager,
  managedFieldsOfApplied,
  updateLastApplied,
  validateApplied,
  type Writer,
} from '../../api/managed-fields/index.ts';
import { fieldRequired, invalid } from '../../api/meta/field-error.ts';
import { maxAnnotationsBytes } from '../../api/meta/object-meta.ts';
import { isRecord } from '../../api/patch/merge-patch.ts';
import { ApiError, isReason } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import type { PatchBody } from '../decode-patch.ts';
import { conflict } from '../errors.ts';
import { checkFieldManager, fieldTypeFor, managersBeforeApply, versionsOf, writerOf } from '../managed-fields.ts';
import { metaOf } from '../object-meta.ts';
import { decodeFresh, type ObjectRecord } from '../object-record.ts';
import { toStored } from '../served-form.ts';
import type { NamedTarget } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { createObject } from './create.ts';
import { replaceObject } from './update.ts';

/** Times that the object may come and go under one apply. */
const maxRaces = 4;

/** The caller is authorized to patch. @throws ApiError BadRequest, Conflict, Invalid, NotFound (a subresource's object) */
export async function applyObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  definition: ResourceDefinition,
  body: PatchBody,
  options: WriteRequestOptions,
): Promise<ObjectRecord> {
  checkApplyOptions(options);
  const { configuration, checkStrictly } = decodeConfiguration(core, definition, body, context);
  const writer = writerOf(core, definition, target.subresource, options);
  const applier = applierOf(core, definition, configuration, writer, options);
  const derive = (current: ObjectRecord): KubernetesObject => {
    const object = applier(current);
    checkStrictly();
    return object;
  };
  for (let race = 1; ; race++) {
    try {
      return await replaceObject(core, context, target, definition, options, derive, { applied: true });
    } catch (error) {
      if (target.subresource !== undefined || !isReason(error, 'NotFound') || race === maxRaces) throw error;
    }
    const { name, ...collection } = target;
    checkNew(definition, name, configuration);
    checkStrictly();
    const type = fieldTypeFor(core, definition);
    const managedFields = managedFieldsOfApplied(type, configuration, writer) ?? [];
    const object = decodeMerged(core, definition, configuration);
    delete object.metadata?.resourceVersion;
    try {
      const record = await createObject(core, context, collection, { object }, { ...options, managedFields });
      return { ...record, created: true };
    } catch (error) {
      if (!isReason(error, 'AlreadyExists') || race === maxRaces) throw error;
    }
  }
}

/** From what is stored to what is to be stored, with its managed fields. The function throws ApiError Conflict. */
export function applierOf(
  core: ApiCore,
  definition: ResourceDefinition,
  configuration: KubernetesObject,
  writer: Writer,
  { fieldManager, force }: WriteRequestOptions,
): (current: ObjectRecord) => KubernetesObject {
  const versions = versionsOf(core, definition);
  return (current) => {
    const live = decodeFresh(current);
    const managers = managersBeforeApply(definition, live, writer);
    const applied = applyConfiguration(versions, live, configuration, managers, writer, force === true);
    if (fieldManager === kubectlManager) updateLastApplied(applied.object, configuration, maxAnnotationsBytes);
    const object = toStored(definition, decodeMerged(core, definition, applied.object));
    metaOf(object).managedFields = encodeManagers(applied.managers);
    return object;
  };
}

/** @throws ApiError Invalid */
export function checkApplyOptions(options: WriteRequestOptions): void {
  if (!options.fieldManager) {
    const error = fieldRequired('fieldManager', 'is required for apply patch');
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [error]);
  }
  checkFieldManager('PatchOptions', options.fieldManager);
}

/** The merged object as an object of its kind; it was checked before, so nothing in it is unknown. */
function decodeMerged(core: ApiCore, definition: ResourceDefinition, value: KubernetesObject): KubernetesObject {
  return decodeValue(core.schemas, definition, { value, duplicates: [] }, { fieldValidation: 'Ignore' });
}

export interface Configuration {
  /** As it was sent, in the version of the path. */
  readonly configuration: KubernetesObject;
  /** Comes after conflicts. @throws ApiError BadRequest when a field is there twice, and that is not to be ignored */
  checkStrictly(): void;
}

/** @throws ApiError BadRequest */
export function decodeConfiguration(
  core: ApiCore,
  expected: DecodedKind,
  body: PatchBody,
  context: RequestContext,
): Configuration {
  const {
    value,
    duplicates,
    duplicateLines = [],
  }: ParsedBody = 'patch' in body
    ? { value: body.patch, duplicates: [] }
    : parseBody(body.bytes, 'application/yaml', true);
  if (!isRecord(value)) throw new ApiError('BadRequest', 'error decoding YAML: the configuration must be an object');
  const configuration = value as KubernetesObject;
  const apiVersion = textOf(configuration.apiVersion);
  const given = `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${textOf(configuration.kind)}`;
  const wanted = `${expected.group}/${expected.version}, Kind=${expected.kind}`;
  if (given !== wanted) throw new ApiError('BadRequest', `invalid object type: ${given}`);
  const metadata: unknown = configuration.metadata;
  if (isRecord(metadata) && metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  }
  const errors = validateApplied(fieldTypeFor(core, expected), configuration);
  if (errors.length > 0) {
    const { namespace, name } = isRecord(metadata) ? metadata : {};
    const list = errors.length === 1 ? errors[0] : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
    throw new ApiError(
      'BadRequest',
      `failed to create typed patch object (${textOf(namespace)}/${textOf(name)}; ${given}): ${list}`,
    );
  }
  const fieldValidation = 'patch' in body ? 'Ignore' : body.fieldValidation;
  const problems = duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`);
  return {
    configuration,
    checkStrictly() {
      if (problems.length > 0 && fieldValidation === 'Strict') {
        const lines = duplicateLines.map((line) => `  ${line}`).join('\n');
        throw new ApiError(
          'BadRequest',
          `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n${lines}`,
        );
      }
      if (fieldValidation === 'Warn') for (const problem of problems) context.warn?.(problem);
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** @throws ApiError BadRequest, Conflict */
function checkNew(definition: ResourceDefinition, name: string, configuration: KubernetesObject): void {
  const { name: given, uid } = configuration.metadata ?? {};
  if (!given) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (given !== name) {
    throw new ApiError('BadRequest', `the name of the object (${given}) does not match the name on the URL (${name})`);
  }
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(definition, name, why);
  }
}
