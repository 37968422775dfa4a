/** The set of a configuration: what whoever applies it says to own. Leaves, items of merged lists, and keys that no schema declares. */
import { emptyFields, type FieldSet, isEmptySet, isMember, type MutableFieldSet, nodeOf, self } from './field-set.ts';
import { type FieldType, fieldTypeOf, typeOfValue } from './field-type.ts';
import { itemElement } from './path-element.ts';
import { asList, asMap, hasKeys, isMap } from './values.ts';

/** Of the object as a whole; the root itself is no path. */
export function fieldsOf(type: FieldType, value: unknown): FieldSet {
  const node = nodeFields(type, value);
  return node?.below ?? emptyFields;
}

interface Node {
  readonly member: boolean;
  readonly below: FieldSet;
}

const leaf: Node = { member: true, below: emptyFields };
const nothing: Node = { member: false, below: emptyFields };

function nodeFields(type: FieldType, value: unknown): Node {
  const actual = typeOfValue(type, value);
  if (actual.kind === 'scalar' || (actual.kind === 'list' ? actual.mode === 'atomic' : actual.atomic)) return leaf;
  const below: MutableFieldSet = {};
  if (actual.kind === 'map') {
    const map = asMap(value);
    for (const key in map) {
      const inner = map[key];
      const innerType = fieldTypeOf(actual, key);
      if (inner === undefined || !innerType) continue;
      const node = nodeFields(innerType, inner);
      const declared = actual.fields.has(key);
      const member = node.member || !declared || inner === null || (isMap(inner) && !hasKeys(inner));
      const set = nodeOf(member, node.below);
      if (set) below[`f:${key}`] = set;
    }
  } else {
    const seen = new Set<string>();
    for (const item of asList(value)) {
      const element = itemElement(actual, item);
      if (element === undefined) continue;
      below[element] = seen.has(element) ? emptyFields : nodeOf(true, nodeFields(actual.element, item).below)!;
      seen.add(element);
    }
  }
  return isEmptySet(below) ? nothing : { member: false, below };
}

/** The set with every declared field on the way to a path: taking a path away takes what holds nothing else with it. */
export function withNamedFields(type: FieldType | undefined, set: FieldSet): FieldSet {
  const result: MutableFieldSet = {};
  for (const element in set) {
    if (element === self) {
      result[self] = emptyFields;
      continue;
    }
    const node = set[element]!;
    const named = type?.kind === 'map' && element.startsWith('f:') && type.fields.has(element.slice(2));
    const { [self]: _, ...below } = withNamedFields(elementType(type, element), node);
    result[element] = nodeOf(isMember(node) || named, below)!;
  }
  return result;
}

/** Of what stands at an element; undefined when the schema has no such. */
export function elementType(type: FieldType | undefined, element: string): FieldType | undefined {
  if (type?.kind === 'any') return type;
  if (type?.kind === 'map' && element.startsWith('f:')) return fieldTypeOf(type, element.slice(2));
  if (type?.kind === 'list' && !element.startsWith('f:')) return type.element;
  return undefined;
}
