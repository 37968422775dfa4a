/** An object without the paths of a set. */
import { setOwn } from '../patch/merge-patch.ts';
import { type FieldSet, isEmptySet, isMember } from './field-set.ts';
import { type FieldType, fieldTypeOf, typeOfValue } from './field-type.ts';
import { itemElement } from './path-element.ts';
import { isMap } from './values.ts';

/** Null where nothing is left of a map or list. The result shares parts with `value`, which is not changed. */
export function removeFields(type: FieldType, value: unknown, set: FieldSet): unknown {
  const actual = typeOfValue(type, value);
  if (actual.kind === 'scalar') return value;
  if (actual.kind === 'list') {
    if (!Array.isArray(value) || actual.mode === 'atomic') return null;
    const kept: unknown[] = [];
    for (const item of value) {
      const element = itemElement(actual, item);
      const node = element === undefined ? undefined : set[element];
      if (node === undefined) kept.push(item);
      else if (!isMember(node)) kept.push(removeFields(actual.element, item, node));
    }
    return kept.length > 0 ? kept : null;
  }
  if (!isMap(value) || actual.atomic) return null;
  const kept: Record<string, unknown> = {};
  for (const key in value) {
    const node = set[`f:${key}`];
    const inner = fieldTypeOf(actual, key);
    if (node === undefined || !inner) setOwn(kept, key, value[key]);
    else if (!isMember(node)) setOwn(kept, key, removeFields(inner, value[key], node));
  }
  for (const _ in kept) return kept;
  return null;
}

/** As `removeFields`, for a whole object: an empty set takes nothing. */
export function withoutFields(type: FieldType, object: Readonly<Record<string, unknown>>, set: FieldSet) {
  if (isEmptySet(set)) return object;
  return (removeFields(type, object, set) ?? {}) as Readonly<Record<string, unknown>>;
}
