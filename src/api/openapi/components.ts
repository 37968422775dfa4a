/** Schemas as OpenAPI documents carry them: references restored, and everything that a set of kinds refers to. */
import type { Schema, SchemaSet } from '../schema/schema.ts';

const refPrefix = '#/components/schemas/';

export function schemaRef(definition: string): { readonly $ref: string } {
  return { $ref: `${refPrefix}${definition}` };
}

/** The definitions named and all that they refer to, sorted by name. */
export function components(schemas: SchemaSet, roots: Iterable<string>): Record<string, object> {
  const found = new Map<string, object>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.set(name, restore(schemas.get(name), open));
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The schema with full references; names referred to are added to `referred`. A `$ref` with neighbours goes into an `allOf`. */
function restore(schema: Schema, referred: string[]): object {
  const { $ref, items, properties, additionalProperties, ...rest } = schema;
  const result: Record<string, unknown> = { ...rest };
  if (items) result.items = restore(items, referred);
  if (additionalProperties) result.additionalProperties = restore(additionalProperties, referred);
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, restore(property, referred)]),
    );
  }
  if ($ref === undefined) return result;
  referred.push($ref);
  return Object.keys(result).length === 0 ? schemaRef($ref) : { ...result, allOf: [schemaRef($ref)] };
}
