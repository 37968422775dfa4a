/** Schemas of custom resources as OpenAPI documents show them. */
import type { Schema } from '../schema/schema.ts';
import type { GroupVersionKind } from '../types.ts';
import type { StructuralSchema } from './schema/schema.ts';

type Json = Record<string, unknown>;

export const objectMetaDefinition = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
const conventions = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const apiVersion = {
  type: 'string',
  description: `APIVersion defines the version of the schema that this object is written in. More info: ${conventions}#resources`,
};
const kind = {
  type: 'string',
  description: `Kind is what kind of object this is, in CamelCase; it cannot be changed. More info: ${conventions}#types-kinds`,
};
const metadata = {
  $ref: objectMetaDefinition,
  description: `Standard object's metadata. More info: ${conventions}#metadata`,
};
const embedded = 'x-kubernetes-embedded-resource';
const preserve = 'x-kubernetes-preserve-unknown-fields';

/** `com.example.stable.v1.CronTab` of stable.example.com/v1. */
export function definitionNameOf({ group, version, kind: name }: GroupVersionKind): string {
  return `${group.split('.').reverse().join('.')}.${version}.${name}`;
}

/** With what every object has. `version` 2: what kubectl and older clients understand of it. */
export function openApiSchema(gvk: GroupVersionKind, schema: StructuralSchema, version: 2 | 3): Schema {
  const extension = {
    'x-kubernetes-group-version-kind': [{ group: gvk.group, kind: gvk.kind, version: gvk.version }],
  };
  // Clients of version 2 would refuse every field beside those named here.
  if (version === 2 && schema[preserve]) return { type: 'object', ...extension } as unknown as Schema;
  const published = publish(schema, version);
  const properties = { ...(published.properties as object), apiVersion, kind, metadata };
  return { ...published, properties, ...extension } as unknown as Schema;
}

/** The items are of `item`, a definition's name. */
export function openApiListSchema(gvk: GroupVersionKind, listKind: string, item: string): Schema {
  return {
    description: `A list of ${gvk.kind}.`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion,
      kind,
      items: { type: 'array', items: { $ref: item }, description: 'The objects.' },
      metadata: { $ref: listMeta, description: `Standard list metadata. More info: ${conventions}#types-kinds` },
    },
    'x-kubernetes-group-version-kind': [{ group: gvk.group, kind: listKind, version: gvk.version }],
  } as unknown as Schema;
}

function publish(schema: StructuralSchema, version: 2 | 3): Json {
  const plain = version === 2 ? forVersion2(schema) : schema;
  const { items, properties, additionalProperties, ...rest } = plain;
  const result: Json = { ...rest };
  if (plain['x-kubernetes-int-or-string']) delete result.type;
  if (items) result.items = publish(items, version);
  if (typeof additionalProperties === 'object') result.additionalProperties = publish(additionalProperties, version);
  else if (additionalProperties === true) result.additionalProperties = {};
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, publish(property, version)]),
    );
  }
  if (!schema[embedded] || (version === 2 && schema[preserve])) return result;
  const required = new Set([...(schema.required ?? []), 'kind', 'apiVersion']);
  return {
    ...result,
    properties: { ...(result.properties as object), apiVersion, kind, metadata },
    required: [...required],
  };
}

/** Without logic and null, and without saying much where unknown fields are kept. */
function forVersion2(schema: StructuralSchema): StructuralSchema {
  const { allOf: _, anyOf: __, oneOf: ___, not: ____, nullable, type, items, properties, required, ...rest } = schema;
  const keeps = schema[preserve] === true;
  const opaque = nullable === true || keeps;
  const shownItems = opaque ? undefined : items;
  const hidden = nullable === true || (type === 'object' && keeps) || (type === 'array' && !shownItems);
  const isOptional = (name: string) => properties?.[name]?.nullable === true;
  const stillRequired = required?.filter((name) => !isOptional(name));
  return {
    ...rest,
    ...(!hidden && type !== undefined && { type }),
    ...(shownItems && { items: shownItems }),
    ...(!opaque && properties && { properties }),
    ...(stillRequired && stillRequired.length > 0 && { required: stillRequired }),
  };
}

/** What the fields of metadata mean, for `kubectl explain`. */
export const metadataDescriptions: Readonly<Record<string, string>> = {
  annotations: 'Annotations are free-form texts by key, for tools and libraries; they cannot be selected by.',
  creationTimestamp:
    'CreationTimestamp is a timestamp: the server time at which the object was created, in UTC. Set by the server.',
  deletionGracePeriodSeconds:
    'DeletionGracePeriodSeconds is how long the object may take to end by itself. Set with deletionTimestamp.',
  deletionTimestamp:
    'DeletionTimestamp is when the object will be gone, once its deletion was asked for and its finalizers are removed.',
  finalizers: 'Finalizers name what must still be done before the object may go. Each is removed by who does it.',
  generateName: 'GenerateName is a prefix: the server makes a unique name of it where no name is given.',
  generation: 'Generation counts the changes of the desired state. Set by the server.',
  labels: 'Labels are short texts by key, by which objects are organized and selected.',
  managedFields: 'ManagedFields says which writer owns which fields. Kept by the server.',
  name: 'Name is unique among the objects of its kind in its namespace, and cannot be changed.',
  namespace: 'Namespace is where the name is unique; empty for what lies in none. It cannot be changed.',
  ownerReferences: 'OwnerReferences name the objects that this one belongs to: it goes when they all have gone.',
  resourceVersion: 'ResourceVersion changes with every change of the object. Compare it for equality only.',
  selfLink: 'SelfLink is no longer set.',
  uid: 'UID is unique in time and space. Set by the server.',
};
