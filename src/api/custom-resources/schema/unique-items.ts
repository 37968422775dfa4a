/** Lists that are sets have no item twice; those that are maps have no key twice. */
import { canonicalJson } from '../../canonical-json.ts';
import type { FieldError } from '../../definition.ts';
import { fieldDuplicate, fieldInvalid } from '../../meta/field-error.ts';
import { childPath, isJsonObject, type StructuralSchema, schemaOfKey } from './schema.ts';

export function validateUniqueItems(value: unknown, schema: StructuralSchema | undefined, path = ''): FieldError[] {
  if (!schema) return [];
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, inner]) => {
      const declared = schema.properties && Object.hasOwn(schema.properties, key);
      const here = declared ? childPath(path, key) : `${path}[${key}]`;
      return validateUniqueItems(inner, schemaOfKey(schema, key), here);
    });
  }
  if (!Array.isArray(value)) return [];
  return [
    ...validateList(value, schema, path),
    ...value.flatMap((item, index) => validateUniqueItems(item, schema.items, `${path}[${index}]`)),
  ];
}

function validateList(list: readonly unknown[], schema: StructuralSchema, path: string): FieldError[] {
  const at = (index: number) => `${path}[${index}]`;
  if (schema['x-kubernetes-list-type'] === 'set') {
    return repeated(list).map((index) => fieldDuplicate(at(index), list[index]));
  }
  if (schema['x-kubernetes-list-type'] !== 'map') return [];
  const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0) {
    return [fieldInvalid(at(wrong), list[wrong], 'must be an object for an array of list-type map')];
  }
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const keys = list.map((item) =>
    Object.fromEntries(
      names.flatMap((name) => (isJsonObject(item) && Object.hasOwn(item, name) ? [[name, item[name]]] : [])),
    ),
  );
  return repeated(keys).map((index) => fieldDuplicate(at(index), keys[index]));
}

/** The second appearance of each value that is there more than once. */
function repeated(values: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  const found: number[] = [];
  for (const [index, value] of values.entries()) {
    const id = canonicalJson(value ?? null);
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    if (times === 2) found.push(index);
  }
  return found;
}
