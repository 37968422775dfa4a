/** Keeps `metadata.managedFields` true in every write; the rules are in `src/api/managed-fields`. */
import type { ResourceDefinition } from '../api/definition.ts';
import type { ManagedFieldsEntry } from '../api/generated/types/meta-v1.ts';
import {
  beforeFirstApply,
  decodeManagers,
  emptyFields,
  encodeManagers,
  type FieldSet,
  type FieldType,
  fieldTypeOfDefinition,
  hasPath,
  isReset,
  type Manager,
  maxManagerNameLength,
  sameValue,
  setOfPath,
  trackUpdate,
  union,
  type Versions,
  type Writer,
} from '../api/managed-fields/index.ts';
import { fieldInvalid, fieldTooLong, invalid } from '../api/meta/field-error.ts';
import { apiVersionOf, type KubernetesObject } from '../api/types.ts';
import type { WriteRequestOptions } from './body.ts';
import type { ApiCore } from './core.ts';
import { timestamp } from './object-meta.ts';
import { fromStored, toStored } from './served-form.ts';

type ManagedFields = readonly ManagedFieldsEntry[] | undefined;

/** The one place that knows where the type of a kind comes from. */
export function fieldTypeFor(
  core: Pick<ApiCore, 'schemas'>,
  { schema, custom }: Pick<ResourceDefinition, 'schema' | 'custom'>,
): FieldType {
  return custom ? custom.fieldType() : fieldTypeOfDefinition(core.schemas, schema);
}

export function versionsOf(core: ApiCore, definition: ResourceDefinition): Versions {
  const served = (apiVersion: string): ResourceDefinition | undefined => {
    if (apiVersion === apiVersionOf(definition)) return definition;
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
    const other = core.registry.findKind({ group: group!, version: version!, kind: definition.kind });
    return other && storageOf(other) === storageOf(definition) ? other : undefined;
  };
  const seen = (as: ResourceDefinition, stored: KubernetesObject) => ({
    object: fromStored(as, stored),
    type: fieldTypeFor(core, as),
  });
  return {
    current: (stored) => seen(definition, stored),
    convert(stored, apiVersion) {
      const as = served(apiVersion);
      return as && seen(as, stored);
    },
    toStored(object, apiVersion) {
      const as = served(apiVersion) ?? definition;
      // Conversions know no nulls, which stand where nothing is left.
      return as.stored ? toStored(as, withoutNulls(object) as KubernetesObject) : object;
    },
  };
}

function storageOf(definition: ResourceDefinition): string {
  if (definition.custom) return `${definition.custom.storageVersion}/${definition.resource}`;
  const { group, version, resource } = definition.stored ?? definition;
  return `${group}/${version}/${resource}`;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** `subresource`: through which the write comes, whatever it then changes. */
export function writerOf(
  core: ApiCore,
  definition: ResourceDefinition,
  subresource: string | undefined,
  options: WriteRequestOptions,
): Writer {
  return {
    name: options.fieldManager || nameFromUserAgent(options.userAgent),
    apiVersion: apiVersionOf(definition),
    subresource,
    time: timestamp(core.clock.nowMs()),
    ignored: ignoredFields(core, definition, subresource),
  };
}

const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** What stands before the first slash: `kubectl/v1.35.0 (linux/amd64)` is kubectl. */
function nameFromUserAgent(userAgent = ''): string {
  let name = '';
  let bytes = 0;
  for (const character of userAgent.split('/', 1)[0]!) {
    if (unprintable.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > maxManagerNameLength) break;
    name += character;
  }
  return name;
}

/** @throws ApiError Invalid; `kind` is that of the options (`CreateOptions`) */
export function checkFieldManager(kind: string, fieldManager: string | undefined): void {
  if (!fieldManager) return;
  const errors = [];
  if (Buffer.byteLength(fieldManager) > maxManagerNameLength) {
    errors.push(fieldTooLong('fieldManager', maxManagerNameLength));
  }
  let position = 0;
  for (const character of fieldManager) {
    if (unprintable.test(character)) {
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      const detail = `invalid character ${code} (at position ${position})`;
      errors.push(fieldInvalid('fieldManager', fieldManager, detail));
      break;
    }
    position += Buffer.byteLength(character);
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
}

const status = setOfPath(['f:status']);
const cache = new WeakMap<ResourceDefinition, FieldSet>();

/** What an endpoint resets, whoever sends it: the status, or all but the status. */
function ignoredFields(core: ApiCore, definition: ResourceDefinition, subresource: string | undefined): FieldSet {
  if (subresource === undefined) {
    return definition.subresources.some(({ name }) => name === 'status') ? status : emptyFields;
  }
  if (subresource !== 'status') return emptyFields;
  let ignored = cache.get(definition);
  if (!ignored) {
    const type = fieldTypeFor(core, definition);
    const fields = type.kind === 'map' ? [...type.fields.keys()] : [];
    ignored = fields
      .filter((field) => field !== 'status' && field !== 'metadata')
      .reduce((set, field) => union(set, setOfPath([`f:${field}`])), emptyFields);
    cache.set(definition, ignored);
  }
  return ignored;
}

const scaleSubresource = 'scale';

/** What a Scale shows of the kind. */
function replicasPathOf({ custom }: ResourceDefinition): string[] {
  return (custom?.scale?.specReplicas ?? ['spec', 'replicas']).map((name) => `f:${name}`);
}

function ownsReplicas(definition: ResourceDefinition, managers: readonly Manager[]): boolean {
  const path = replicasPathOf(definition);
  return managers.some(({ fields }) => hasPath(fields, path));
}

/**
 * Those that an apply meets. A scale is a view of the replicas alone, and as with any object of which nobody kept track, what is there before the
 * first apply has an owner from then on.
 */
export function managersBeforeApply(
  definition: ResourceDefinition,
  object: KubernetesObject,
  writer: Writer,
): readonly Manager[] {
  const managers = decodeManagers(object.metadata?.managedFields, true) ?? [];
  if (writer.subresource !== scaleSubresource || ownsReplicas(definition, managers)) return managers;
  const { apiVersion, subresource, time } = writer;
  const fields = setOfPath(replicasPathOf(definition));
  return [...managers, { name: beforeFirstApply, operation: 'Update', apiVersion, subresource, time, fields }];
}

export interface TrackedUpdate {
  readonly old: KubernetesObject;
  readonly object: KubernetesObject;
  /** As the client sent them; absent: it does not know of them, or may not change them here. */
  readonly requested: ManagedFields;
  readonly writer: Writer;
}

/** Of an object that an update (or a patch other than apply) leaves behind. */
export function managedFieldsAfterUpdate(
  core: ApiCore,
  definition: ResourceDefinition,
  { old, object, requested, writer }: TrackedUpdate,
): ManagedFields {
  const before = old.metadata?.managedFields;
  if (isReset(requested)) return undefined;
  const edited = requested && !sameValue(requested, before) ? decodeManagers(requested, false) : undefined;
  const managers = edited && edited.length > 0 ? edited : (decodeManagers(before, true) ?? []);
  // Nobody kept track of this object so far; that begins with the first apply.
  if (managers.length === 0) return undefined;
  if (writer.subresource === scaleSubresource && !ownsReplicas(definition, managers)) return before;
  const tracked = trackUpdate(versionsOf(core, definition), old, object, managers, writer);
  return tracked || managers === edited ? encodeManagers(tracked ?? managers) : before;
}

/** In place. Where nothing but a time would change, it does not. */
export function setManagedFields(object: KubernetesObject, old: KubernetesObject, managedFields: ManagedFields): void {
  object.metadata ??= {};
  const meta = object.metadata;
  const before = old.metadata?.managedFields;
  if (managedFields === undefined) delete meta.managedFields;
  else meta.managedFields = managedFields as ManagedFieldsEntry[];
  if (!managedFields || !before || managedFields === before) return;
  if (!sameValue(withoutTimes(managedFields), withoutTimes(before))) return;
  const { resourceVersion: _, ...oldMeta } = old.metadata ?? {};
  const same = sameValue({ ...object, metadata: { ...meta, managedFields: before } }, { ...old, metadata: oldMeta });
  if (same) meta.managedFields = before;
}

function withoutTimes(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  return entries.map(({ time: _, ...entry }) => entry);
}
