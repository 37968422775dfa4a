/**
 * What one state of an object has that another has not: which paths a writer changed or added, and which are gone. Runs with every write, so it
 * builds the sets while it walks.
 */
import { emptyFields, type FieldSet, type MutableFieldSet, nodeOf } from './field-set.ts';
import { type FieldType, fieldTypeOf, type ListType, type MapType, typeOfValue } from './field-type.ts';
import { itemElement } from './path-element.ts';
import { asList, asMap, hasKeys, type JsonMap, memberOf, sameValue } from './values.ts';

export interface Comparison {
  /** Modified or added. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** From `before` to `after`; neither is changed. */
export function compareFields(type: FieldType, before: JsonMap, after: JsonMap): Comparison {
  const walk = new Comparer();
  walk.compare(type, before, after);
  return { changed: walk.changed ?? emptyFields, removed: walk.removed ?? emptyFields };
}

/** All paths of a value that is new or gone as a whole; never empty, as the value itself counts. */
function everything(type: FieldType, value: unknown): FieldSet {
  const actual = typeOfValue(type, value);
  if (actual.kind === 'scalar' || (actual.kind === 'list' ? actual.mode === 'atomic' : actual.atomic))
    return emptyFields;
  const below: MutableFieldSet = {};
  if (actual.kind === 'map') {
    const map = asMap(value);
    for (const key in map) {
      const inner = fieldTypeOf(actual, key);
      if (inner && map[key] !== undefined) below[elementOf(actual, key)] = everything(inner, map[key]);
    }
  } else {
    for (const item of asList(value)) {
      const element = itemElement(actual, item);
      if (element === undefined) continue;
      // Of items that are there twice, only that they are there.
      below[element] = element in below ? emptyFields : everything(actual.element, item);
    }
  }
  return nodeOf(true, below)!;
}

function elementOf(type: MapType, key: string): string {
  return type.fields.get(key)?.element ?? `f:${key}`;
}

class Comparer {
  /** Of the last comparison; undefined for nothing. */
  changed: FieldSet | undefined;
  removed: FieldSet | undefined;

  compare(type: FieldType, before: unknown, after: unknown): void {
    if (before === undefined || after === undefined) {
      this.changed = before === undefined && after !== undefined ? everything(type, after) : undefined;
      this.removed = after === undefined && before !== undefined ? everything(type, before) : undefined;
      return;
    }
    this.changed = undefined;
    this.removed = undefined;
    if (before === after) return;
    const actual = typeOfValue(type, after);
    const other = typeOfValue(type, before);
    if (actual.kind === 'map' && !actual.atomic && other.kind === 'map') {
      const left = asMap(before);
      const right = asMap(after);
      if (hasKeys(left) || hasKeys(right)) {
        this.#maps(actual, left, right);
        return;
      }
    } else if (actual.kind === 'list' && actual.mode !== 'atomic' && other.kind === 'list') {
      const left = asList(before);
      const right = asList(after);
      if (left.length > 0 || right.length > 0) {
        this.#lists(actual, left, right);
        return;
      }
    }
    if (!sameValue(before, after)) this.changed = emptyFields;
  }

  #maps(type: MapType, before: JsonMap, after: JsonMap): void {
    const found = new Found();
    const visit = (key: string, left: unknown, right: unknown): void => {
      const field = type.fields.get(key);
      const inner = field?.type ?? type.element;
      if (!inner) return;
      this.compare(inner, left, right);
      found.add(field?.element ?? `f:${key}`, this);
    };
    for (const key in after) {
      const left = memberOf(before, key);
      if (left === after[key] && left !== undefined) continue;
      visit(key, left === undefined ? type.fields.get(key)?.zero : left, after[key]);
    }
    for (const key in before) {
      if (memberOf(after, key) === undefined) visit(key, before[key], type.fields.get(key)?.zero);
    }
    this.changed = found.changed;
    this.removed = found.removed;
  }

  #lists(type: ListType, before: readonly unknown[], after: readonly unknown[]): void {
    const found = new Found();
    const left = itemsByElement(type, before);
    const right = itemsByElement(type, after);
    const visit = (element: string, old: readonly unknown[], fresh: readonly unknown[]): void => {
      if (old.length > 1 && fresh.length > 1) {
        if (!sameValue(old, fresh)) found.change(element, emptyFields);
        return;
      }
      // Of items that are there twice, only that they are there.
      this.compare(type.element, old.length > 1 ? undefined : old[0], fresh.length > 1 ? undefined : fresh[0]);
      found.add(element, this);
      if (old.length > 1) found.remove(element, emptyFields);
      if (fresh.length > 1) found.change(element, emptyFields);
    };
    for (const [element, fresh] of right) visit(element, left.get(element) ?? [], fresh);
    for (const [element, old] of left) if (!right.has(element)) visit(element, old, []);
    this.changed = found.changed;
    this.removed = found.removed;
  }
}

/** What was found below one path. */
class Found {
  changed: MutableFieldSet | undefined;
  removed: MutableFieldSet | undefined;

  change(element: string, set: FieldSet): void {
    this.changed ??= {};
    this.changed[element] = set;
  }

  remove(element: string, set: FieldSet): void {
    this.removed ??= {};
    this.removed[element] = set;
  }

  add(element: string, { changed, removed }: Comparer): void {
    if (changed) this.change(element, changed);
    if (removed) this.remove(element, removed);
  }
}

function itemsByElement(type: ListType, list: readonly unknown[]): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(type, item);
    if (element === undefined) continue;
    const same = items.get(element);
    if (same) same.push(item);
    else items.set(element, [item]);
  }
  return items;
}
