/**
 * Server-side apply: an applied configuration on a live object. The applier owns exactly what its configuration names; what it named before and does
 * not any more goes, unless somebody else owns it; changing what others own is a conflict, or, forced, takes it from them.
 */
import type { KubernetesObject } from '../types.ts';
import { type Conflict, conflictError } from './conflicts.ts';
import {
  difference,
  type FieldSet,
  hasPath,
  intersection,
  isEmptySet,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.ts';
import type { FieldType } from './field-type.ts';
import { fieldsFromLastApplied, kubectlManager } from './last-applied.ts';
import { encodeManagers, type Manager, managerKey } from './managers.ts';
import { mergeApplied } from './merge.ts';
import { reconcileSet } from './reconcile.ts';
import { withoutFields } from './remove.ts';
import { fieldsOf, withNamedFields } from './to-fields.ts';
import { Comparisons, trackUpdate, type Writer, withoutUnowned } from './track-update.ts';
import type { Versions } from './versions.ts';

/** Owner of what was there before anybody applied, where nobody kept track. */
export const beforeFirstApply = 'before-first-apply';

export interface Applied {
  /** In the version of the request; parts that went may be null. */
  readonly object: KubernetesObject;
  readonly managers: readonly Manager[];
}

/**
 * @param live as stored; of a new object only its type
 * @param configuration as sent, in the version of the request
 * @throws ApiError Conflict
 */
export function applyConfiguration(
  versions: Versions,
  live: KubernetesObject,
  configuration: KubernetesObject,
  managers: readonly Manager[],
  applier: Writer,
  force: boolean,
): Applied {
  const tracked = managers.length > 0 ? managers : ownersBeforeApply(versions, live, applier);
  const { object, type } = versions.current(live);
  const merged = mergeApplied(type, object, configuration) as KubernetesObject;
  const fields = recursiveDifference(fieldsOf(type, configuration), applier.ignored);
  const { name, apiVersion, subresource, time } = applier;
  const entry: Manager = { name, operation: 'Apply', apiVersion, subresource, time, fields };
  const key = managerKey(entry);
  const last = tracked.find((manager) => managerKey(manager) === key);
  const others = tracked.filter((manager) => manager !== last);
  const after = prune(versions, merged, entry, last, others);
  const comparisons = new Comparisons(versions, live, versions.toStored(after, apiVersion), applier.ignored);
  const conflicts = conflictsWith(comparisons, others);
  if (conflicts.length > 0 && !force) {
    const open =
      name === kubectlManager ? withoutLastApplied(conflicts, versions.current(live), apiVersion) : conflicts;
    if (open.length > 0) throw conflictError(open);
  }
  const owned = withoutUnowned(fields);
  const { changed, removed } = comparisons.of(apiVersion)!;
  const same = isEmptySet(withoutUnowned(changed)) && isEmptySet(withoutUnowned(removed));
  // Only a change of the object counts as one.
  const kept = same ? last?.time : time;
  const rest = comparisons.rest(others);
  if (isEmptySet(owned)) return { object: after, managers: rest };
  return { object: after, managers: [...rest, { ...entry, time: kept, fields: owned }] };
}

function ownersBeforeApply(versions: Versions, live: KubernetesObject, applier: Writer): readonly Manager[] {
  const { apiVersion, kind } = live;
  return trackUpdate(versions, { apiVersion, kind }, live, [], { ...applier, name: beforeFirstApply }) ?? [];
}

function conflictsWith(comparisons: Comparisons, others: readonly Manager[]): Conflict[] {
  const sorted = [...others].sort((a, b) => (managerKey(a) < managerKey(b) ? -1 : 1));
  return sorted.flatMap((manager) => {
    const fields = comparisons.conflict(manager);
    return fields ? pathsOf(fields).map((path) => ({ manager, path })) : [];
  });
}

/** kubectl may take over what it applied itself on the client's side, as long as it is still as it was. */
function withoutLastApplied(
  conflicts: readonly Conflict[],
  live: ReturnType<Versions['current']>,
  apiVersion: string,
): readonly Conflict[] {
  const own = fieldsFromLastApplied(live.type, live.object, apiVersion);
  return own ? conflicts.filter(({ path }) => !hasPath(own, path)) : conflicts;
}

/** Without what this applier named last time, names no more, and nobody else owns. */
function prune(
  versions: Versions,
  merged: KubernetesObject,
  entry: Manager,
  last: Manager | undefined,
  others: readonly Manager[],
): KubernetesObject {
  if (!last || isEmptySet(last.fields)) return merged;
  if (last.apiVersion === entry.apiVersion && isEmptySet(difference(last.fields, entry.fields))) return merged;
  const stored = versions.toStored(merged, entry.apiVersion);
  const seen = versions.convert(stored, last.apiVersion);
  if (!seen) return merged;
  const before = reconcileSet(seen.type, last.fields);
  const toStored = (object: KubernetesObject, version: string) => versions.toStored(object, version);
  let pruned = toStored(withoutFields(seen.type, seen.object, withNamedFields(seen.type, before)), last.apiVersion);
  for (const [version, managed] of managedByVersion(last.apiVersion, [...others, entry])) {
    const whole = versions.convert(stored, version);
    const part = versions.convert(pruned, version);
    if (!whole || !part) continue;
    const { type } = whole;
    const keep = union(named(type, fieldsOf(type, part.object)), named(type, reconcileSet(type, managed)));
    const gone = difference(named(type, fieldsOf(type, whole.object)), keep);
    pruned = toStored(withoutFields(type, whole.object, gone), version);
  }
  // Items that only hold what somebody else still has below them stay.
  const part = versions.convert(pruned, last.apiVersion)!;
  const gone = difference(
    named(seen.type, fieldsOf(seen.type, seen.object)),
    named(seen.type, fieldsOf(seen.type, part.object)),
  );
  const dangling = intersection(gone, named(seen.type, before));
  const result = toStored(withoutFields(seen.type, seen.object, dangling), last.apiVersion);
  return versions.convert(result, entry.apiVersion)!.object;
}

const named = withNamedFields;

function managedByVersion(first: string, managers: readonly Manager[]): Map<string, FieldSet> {
  const result = new Map<string, FieldSet>([[first, {}]]);
  for (const { apiVersion, fields } of managers) result.set(apiVersion, union(result.get(apiVersion) ?? {}, fields));
  return result;
}

/** The entry of an apply that makes a new object. */
export function managedFieldsOfApplied(type: FieldType, configuration: KubernetesObject, applier: Writer) {
  const { name, apiVersion, subresource, time } = applier;
  const fields = withoutUnowned(recursiveDifference(fieldsOf(type, configuration), applier.ignored));
  return encodeManagers([{ name, operation: 'Apply', apiVersion, subresource, time, fields }]);
}
