/** OpenAPI v2 (Swagger 2.0) as JSON: one document of everything, made from the same paths and schemas as the v3 documents. */
import type { ServedResource } from '../discovery/groups.ts';
import type { Schema, SchemaSet } from '../schema/schema.ts';
import type { GroupVersionKind } from '../types.ts';
import { resourcePaths } from './paths.ts';

type Json = Record<string, unknown>;

const refPrefix3 = '#/components/schemas/';
const refPrefix2 = '#/definitions/';
const itemKeys = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** `version`: the Kubernetes version that this server speaks, such as `v1.35.0`. */
export function openApiV2Document(schemas: SchemaSet, resources: readonly ServedResource[], version: string): object {
  const schemaOf = ({ group, version, kind }: GroupVersionKind) =>
    schemas.definitionOfKind(group === '' ? version : `${group}/${version}`, kind);
  const paths: Json = {};
  for (const resource of resources) {
    for (const [path, item] of Object.entries(resourcePaths(resource, schemaOf).paths)) paths[path] = pathItem(item);
  }
  const definitions: Json = {};
  for (const [name, schema] of schemas.definitions) definitions[name] = definition(schema);
  return { swagger: '2.0', info: { title: 'Kubernetes', version }, paths, definitions };
}

function pathItem(item: Json): Json {
  const result: Json = { parameters: ((item.parameters ?? []) as Json[]).map(parameter) };
  for (const key of itemKeys) if (item[key]) result[key] = operation(item[key] as Json);
  return result;
}

/** A parameter's type stands beside its name, not in a schema. */
function parameter({ schema, ...rest }: Json): Json {
  return { ...rest, ...(schema as Json) };
}

function operation({ parameters, requestBody, responses, ...rest }: Json): Json {
  const body = (requestBody as { content?: Record<string, { schema: Json }>; required?: boolean } | undefined) ?? {};
  const bodySchema = Object.values(body.content ?? {})[0]?.schema;
  const given = ((parameters ?? []) as Json[]).map(parameter);
  const bodyParameter = {
    name: 'body',
    in: 'body',
    ...(body.required && { required: true }),
    schema: swap(bodySchema),
  };
  const answers: Json = {};
  const produces = new Set<string>();
  for (const [code, answer] of Object.entries(responses as Record<string, Json>)) {
    const content = (answer.content ?? {}) as Record<string, { schema: Json }>;
    for (const type of Object.keys(content)) produces.add(type);
    const schema = Object.values(content)[0]?.schema;
    answers[code] = { description: answer.description, ...(schema && { schema: swap(schema) }) };
  }
  return {
    ...rest,
    consumes: body.content ? Object.keys(body.content) : ['*/*'],
    produces: [...produces],
    schemes: ['https'],
    parameters: bodySchema ? [bodyParameter, ...given] : given,
    responses: answers,
  };
}

function swap(schema: Json | undefined): Json | undefined {
  const ref = schema?.$ref;
  return typeof ref === 'string' ? { $ref: ref.replace(refPrefix3, refPrefix2) } : schema;
}

/** Version 2 has no `oneOf` and takes nothing but a few words beside a reference. */
function definition(schema: Schema): Json {
  const { $ref, items, properties, additionalProperties, oneOf, default: fallback, ...rest } = schema;
  const result: Json = { ...rest };
  if ($ref !== undefined) result.$ref = `${refPrefix2}${$ref}`;
  else if (fallback !== undefined) result.default = fallback;
  if (oneOf) result.type = 'string';
  if (items) result.items = definition(items);
  if (additionalProperties) result.additionalProperties = definition(additionalProperties);
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, definition(property)]),
    );
  }
  return result;
}
