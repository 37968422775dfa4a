/** The built-in schemas and those of custom resources, for documents that show both. */
import type { ResourceDefinition } from '../definition.ts';
import { type Schema, SchemaSet } from '../schema/schema.ts';
import { metadataDescriptions, objectMetaDefinition, openApiListSchema } from './open-api.ts';

/** `version`: of the OpenAPI documents. */
export function withCustomSchemas(
  builtIn: SchemaSet,
  definitions: readonly ResourceDefinition[],
  version: 2 | 3,
): SchemaSet {
  if (definitions.length === 0) return builtIn;
  const schemas: Record<string, Schema> = Object.fromEntries(builtIn.definitions);
  schemas[objectMetaDefinition] = described(builtIn.get(objectMetaDefinition));
  for (const definition of definitions) {
    if (!definition.custom) continue;
    schemas[definition.schema] = definition.custom.openApi(version);
    schemas[`${definition.schema}List`] = openApiListSchema(definition, definition.listKind, definition.schema);
  }
  return new SchemaSet(schemas);
}

function described(schema: Schema): Schema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const description = metadataDescriptions[name];
    return [name, description === undefined ? property : { ...property, description }];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}
