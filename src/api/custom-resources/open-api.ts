/** Schemas of custom resources as OpenAPI documents show them. */
import type { Schema } from '../schema/schema.ts';
import type { GroupVersionKind } from '../types.ts';
import type { StructuralSchema } from './schema/schema.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
const apiVersionText =
  'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources';
const kindText =
  'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds';
const metadataText =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/** `com.example.stable.v1.CronTab` of stable.example.com/v1. */
export function definitionNameOf({ group, version, kind }: GroupVersionKind): string {
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
}

/** With what every object has; where unknown fields are kept at the root, only that. */
export function openApiSchema(kind: GroupVersionKind, schema: StructuralSchema): Schema {
  const { group, version } = kind;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const own = {
    apiVersion: { type: 'string', description: apiVersionText },
    kind: { type: 'string', description: kindText },
    metadata: { $ref: objectMeta, description: metadataText },
  };
  const published = published3(schema);
  return {
    ...published,
    ...(schema.type !== undefined && { type: 'object' }),
    ...(open && schema.properties === undefined ? {} : { properties: { ...(published.properties as object), ...own } }),
    'x-kubernetes-group-version-kind': [{ group, kind: kind.kind, version }],
  } as unknown as Schema;
}

/** Of `kind`'s list; the items are of `item`, a definition's name. */
export function openApiListSchema(kind: GroupVersionKind, listKind: string, item: string): Schema {
  const { group, version } = kind;
  return {
    description: `${listKind} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string', description: apiVersionText },
      kind: { type: 'string', description: kindText },
      items: { type: 'array', items: { $ref: item }, description: `List of ${item.split('.').at(-1)}` },
      metadata: { $ref: listMeta, description: metadataText },
    },
    'x-kubernetes-group-version-kind': [{ group, kind: listKind, version }],
  } as unknown as Schema;
}

function published3(schema: StructuralSchema): Record<string, unknown> {
  const { items, properties, additionalProperties, ...rest } = schema;
  const result: Record<string, unknown> = { ...rest };
  if (schema['x-kubernetes-int-or-string']) delete result.type;
  if (items) result.items = published3(items);
  if (typeof additionalProperties === 'object') result.additionalProperties = published3(additionalProperties);
  else if (additionalProperties === true) result.additionalProperties = {};
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, published3(property)]),
    );
  }
  if (schema['x-kubernetes-embedded-resource']) {
    result.properties = {
      ...(result.properties as object),
      apiVersion: { type: 'string', description: apiVersionText },
      kind: { type: 'string', description: kindText },
      metadata: { $ref: objectMeta, description: metadataText },
    };
  }
  return result;
}
