/** The built-in schemas and those of custom resources, for documents that show both. */
import type { ResourceDefinition } from '../definition.ts';
import { type Schema, SchemaSet } from '../schema/schema.ts';
import { openApiListSchema } from './open-api.ts';

export function withCustomSchemas(builtIn: SchemaSet, definitions: readonly ResourceDefinition[]): SchemaSet {
  if (definitions.length === 0) return builtIn;
  const schemas: Record<string, Schema> = Object.fromEntries(builtIn.definitions);
  for (const definition of definitions) {
    if (!definition.custom) continue;
    schemas[definition.schema] = definition.custom.openApi;
    schemas[`${definition.schema}List`] = openApiListSchema(definition, definition.listKind, definition.schema);
  }
  return new SchemaSet(schemas);
}
