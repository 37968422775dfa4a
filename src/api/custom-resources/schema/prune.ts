/** Drops what a structural schema does not know. */
import { additionalSchema, childPath, isJsonObject, type JsonObject, type StructuralSchema } from './schema.ts';

/** No more paths than this are told. */
const maxReported = 100;
const preserve = 'x-kubernetes-preserve-unknown-fields';
const keepAll: StructuralSchema = { [preserve]: true };
const resourceFields = new Set(['apiVersion', 'kind', 'metadata']);

/** In place. The paths of what was dropped; apiVersion, kind and metadata of the resource itself always stay. */
export function prune(value: JsonObject, schema: StructuralSchema): string[] {
  const dropped: string[] = [];
  pruneObject(value, { ...schema, 'x-kubernetes-embedded-resource': true }, '', dropped);
  return dropped;
}

function pruneValue(value: unknown, schema: StructuralSchema, path: string, dropped: string[]): void {
  if (Array.isArray(value)) {
    // A list that keeps what is unknown keeps it in its items.
    const items = keepsUnknown(schema) ? { ...schema.items, [preserve]: true } : (schema.items ?? {});
    for (const [index, item] of value.entries()) pruneValue(item, items, `${path}[${index}]`, dropped);
  } else if (isJsonObject(value)) pruneObject(value, schema, path, dropped);
}

function pruneObject(value: JsonObject, schema: StructuralSchema, path: string, dropped: string[]): void {
  const preserves = keepsUnknown(schema);
  const additional = additionalSchema(schema);
  for (const [key, inner] of Object.entries(value)) {
    if (schema['x-kubernetes-embedded-resource'] && resourceFields.has(key)) continue;
    const here = childPath(path, key);
    const property = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property) pruneValue(inner, property, here, dropped);
    else if (additional) pruneValue(inner, additional, here, dropped);
    else if (schema.additionalProperties === true) pruneValue(inner, preserves ? keepAll : {}, here, dropped);
    else if (!preserves) {
      delete value[key];
      if (dropped.length < maxReported) dropped.push(here);
    }
  }
}

function keepsUnknown(schema: StructuralSchema): boolean {
  return schema[preserve] === true;
}
