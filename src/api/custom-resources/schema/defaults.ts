/** Fills what a structural schema has defaults for. */
import { additionalSchema, isJsonObject, type StructuralSchema, schemaOfKey } from './schema.ts';

/** In place: null where the schema allows none and has no default is as good as absent. */
export function dropNulls(value: unknown, schema: StructuralSchema | undefined): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema.items);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const declared = schemaOfKey(schema, key);
    if (declared && inner === null && !declared.nullable && !hasDefault(declared)) delete value[key];
    else dropNulls(inner, declared);
  }
}

/** In place; defaults are copied. null counts as absent where the schema does not allow it. */
export function applyDefaults(value: unknown, schema: StructuralSchema | undefined): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (item === null && hasDefault(schema.items) && !schema.items.nullable) {
        value[index] = structuredClone(schema.items.default);
      }
      applyDefaults(value[index], schema.items);
    }
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (!hasDefault(property)) continue;
    const missing = !Object.hasOwn(value, key) || value[key] === undefined;
    if (missing || (value[key] === null && !property.nullable)) value[key] = structuredClone(property.default);
  }
  const additional = additionalSchema(schema);
  for (const key of Object.keys(value)) {
    const declared = schema.properties && Object.hasOwn(schema.properties, key);
    if (!declared && value[key] === null && hasDefault(additional) && !additional.nullable) {
      value[key] = structuredClone(additional.default);
    }
    applyDefaults(value[key], schemaOfKey(schema, key));
  }
}

function hasDefault(schema: StructuralSchema | undefined): schema is StructuralSchema {
  return schema?.default !== undefined && schema.default !== null;
}
