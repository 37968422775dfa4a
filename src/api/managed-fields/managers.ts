/** `metadata.managedFields`: who owns which fields, one entry for each manager, operation, version and subresource. */
import type { ManagedFieldsEntry } from '../generated/types/meta-v1.ts';
import { emptyFields, type FieldSet, isEmptySet, union } from './field-set.ts';
import { canonicalSet } from './path-element.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Writers that only update are kept apart up to this many; the oldest beyond it share an entry. */
export const maxUpdateManagers = 10;
const oldUpdatesName = 'ancient-changes';

/** Longer names are refused. */
export const maxManagerNameLength = 128;
export const maxSubresourceNameLength = 256;

/** Says which entries are one. An applier keeps its entry when it changes to another version. */
export function managerKey(manager: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const version = manager.operation === 'Apply' ? '' : manager.apiVersion;
  return JSON.stringify([manager.operation, version, manager.subresource ?? '', manager.name]);
}

/**
 * From the wire. `trusted` entries are those of the store, whose sets are in canonical form. Undefined when an entry is none.
 */
export function decodeManagers(
  entries: readonly ManagedFieldsEntry[] | undefined,
  trusted: boolean,
): Manager[] | undefined {
  const managers = new Map<string, Manager>();
  for (const entry of entries ?? []) {
    const { manager = '', operation, apiVersion, fieldsType, subresource, time } = entry;
    if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return undefined;
    const fields = entry.fieldsV1 ?? emptyFields;
    const set = trusted ? (fields as FieldSet) : canonicalSet(fields);
    if (!set) return undefined;
    const decoded: Manager = {
      name: manager,
      operation,
      apiVersion,
      subresource: subresource || undefined,
      time: time ?? undefined,
      fields: set,
    };
    managers.set(managerKey(decoded), decoded);
  }
  return [...managers.values()];
}

/** To the wire, sorted: appliers first, then by time, name, version, subresource. Undefined for none. */
export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] | undefined {
  const kept = managers.filter((manager) => !isEmptySet(manager.fields));
  if (kept.length === 0) return undefined;
  if (kept.length > 1) kept.sort(compareManagers);
  return kept.map((manager) => ({
    apiVersion: manager.apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: manager.fields,
    manager: manager.name,
    operation: manager.operation,
    ...(manager.subresource !== undefined && { subresource: manager.subresource }),
    ...(manager.time !== undefined && { time: manager.time }),
  }));
}

function compareManagers(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource ?? '', b.subresource ?? '')
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A client asks for all of it to be forgotten: an empty list, or a list of one empty entry. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (!entries) return false;
  return (
    entries.length === 0 || (entries.length === 1 && Object.values(entries[0]!).every((value) => value === undefined))
  );
}

/** The oldest updates of a version in one entry, so that there are no more than `maxUpdateManagers`. */
export function capUpdateManagers(managers: readonly Manager[]): readonly Manager[] {
  let count = managers.filter(({ operation }) => operation === 'Update').length;
  if (count <= maxUpdateManagers) return managers;
  const byKey = new Map(managers.map((manager) => [managerKey(manager), manager]));
  const oldest = managers
    .filter(({ operation }) => operation === 'Update')
    .sort((a, b) => compareText(a.time ?? '', b.time ?? '') || compareText(managerKey(a), managerKey(b)));
  const firstOfVersion = new Map<string, Manager>();
  for (const manager of oldest) {
    if (count <= maxUpdateManagers) break;
    const { apiVersion } = manager;
    const first = firstOfVersion.get(apiVersion);
    if (!first) {
      firstOfVersion.set(apiVersion, manager);
      continue;
    }
    const merged = { name: oldUpdatesName, operation: 'Update', apiVersion, subresource: undefined } as const;
    const key = managerKey(merged);
    let bucket = byKey.get(key);
    if (!bucket) {
      byKey.delete(managerKey(first));
      bucket = first;
    }
    if (managerKey(manager) === key) continue;
    byKey.delete(managerKey(manager));
    byKey.set(key, { ...merged, time: manager.time, fields: union(bucket.fields, manager.fields) });
    count--;
  }
  return [...byKey.values()];
}
