/** What a write that is no apply makes of the managers: the writer owns what it changed, and nobody owns that any more, nor what is gone. */
import type { KubernetesObject } from '../types.ts';
import { type Comparison, compareFields } from './compare.ts';
import { difference, type FieldSet, intersection, isEmptySet, recursiveDifference, union } from './field-set.ts';
import { capUpdateManagers, encodeManagers, type Manager, managerKey } from './managers.ts';
import { reconcileSet } from './reconcile.ts';
import type { VersionedObject, Versions } from './versions.ts';

/** Who writes, through what, when. */
export interface Writer {
  readonly name: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** RFC 3339. */
  readonly time: string;
  /** Fields that this path does not write, whatever a client sends. */
  readonly ignored: FieldSet;
}

const unowned = ['apiVersion', 'kind', 'metadata'];
const unownedMetadata = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'generation',
  'managedFields',
  'resourceVersion',
];

/** What has no owner: the server's part of the metadata, and what every object has. */
const stripped: FieldSet = {
  ...Object.fromEntries(unowned.map((field) => [`f:${field}`, {}])),
  'f:metadata': { '.': {}, ...Object.fromEntries(unownedMetadata.map((field) => [`f:${field}`, {}])) },
};

export function withoutUnowned(fields: FieldSet): FieldSet {
  return difference(fields, stripped);
}

/** Name of an entry whose writer did not say its own. */
export const unknownManager = 'unknown';

/** Of a new object, as the writer means it: before admission and what the server fills in beyond defaults. */
export function managedFieldsOfNew(versions: Versions, object: KubernetesObject, writer: Writer) {
  const view = versions.current(object);
  const { changed } = compareFields(view.type, {}, view.object);
  const fields = withoutUnowned(recursiveDifference(changed, writer.ignored));
  return encodeManagers([entryOf(writer, fields)]);
}

function entryOf(writer: Writer, fields: FieldSet): Manager {
  const { name, apiVersion, subresource, time } = writer;
  return { name: name || unknownManager, operation: 'Update', apiVersion, subresource, time, fields };
}

/**
 * Undefined: nothing changed, so the managers stay as they were.
 *
 * @param managers as they were, or as the client wants them
 */
export function trackUpdate(
  versions: Versions,
  before: KubernetesObject,
  after: KubernetesObject,
  managers: readonly Manager[],
  writer: Writer,
): readonly Manager[] | undefined {
  const comparisons = new Comparisons(versions, before, after, writer.ignored);
  const own = comparisons.of(writer.apiVersion)!;
  const changed = withoutUnowned(own.changed);
  if (isEmptySet(changed) && isEmptySet(withoutUnowned(own.removed))) return undefined;
  const rest = afterChange(comparisons, managers);
  if (isEmptySet(changed)) return capUpdateManagers(rest);
  const entry = entryOf(writer, changed);
  const key = managerKey(entry);
  const previous = rest.find((manager) => managerKey(manager) === key);
  const merged = previous ? { ...entry, fields: union(changed, previous.fields) } : entry;
  return capUpdateManagers([...rest.filter((manager) => manager !== previous), merged]);
}

/** What is left to the managers after fields changed and went. */
function afterChange(comparisons: Comparisons, managers: readonly Manager[]): Manager[] {
  const result: Manager[] = [];
  for (const manager of managers) {
    const comparison = comparisons.of(manager.apiVersion);
    // Of a version that is not known any more.
    if (!comparison) continue;
    const fields = difference(
      difference(reconcileSet(comparison.type, manager.fields), comparison.changed),
      comparison.removed,
    );
    if (!isEmptySet(fields)) result.push(fields === manager.fields ? manager : { ...manager, fields });
  }
  return result;
}

/** The same change seen in each version that a manager speaks. */
export class Comparisons {
  readonly #versions: Versions;
  readonly #before: KubernetesObject;
  readonly #after: KubernetesObject;
  readonly #ignored: FieldSet;
  readonly #known = new Map<string, (Comparison & Pick<VersionedObject, 'type'>) | undefined>();

  constructor(versions: Versions, before: KubernetesObject, after: KubernetesObject, ignored: FieldSet) {
    this.#versions = versions;
    this.#before = before;
    this.#after = after;
    this.#ignored = ignored;
  }

  /** Undefined for a version that is not served. */
  of(apiVersion: string) {
    if (this.#known.has(apiVersion)) return this.#known.get(apiVersion);
    const before = this.#versions.convert(this.#before, apiVersion);
    const after = this.#versions.convert(this.#after, apiVersion);
    let comparison: (Comparison & Pick<VersionedObject, 'type'>) | undefined;
    if (before && after) {
      const { changed, removed } = compareFields(after.type, before.object, after.object);
      comparison = {
        type: after.type,
        changed: recursiveDifference(changed, this.#ignored),
        removed: recursiveDifference(removed, this.#ignored),
      };
    }
    this.#known.set(apiVersion, comparison);
    return comparison;
  }

  /** What of a manager's fields changes. */
  conflict(manager: Manager): FieldSet | undefined {
    const comparison = this.of(manager.apiVersion);
    return comparison && intersection(reconcileSet(comparison.type, manager.fields), comparison.changed);
  }

  rest(managers: readonly Manager[]): Manager[] {
    return afterChange(this, managers);
  }
}
