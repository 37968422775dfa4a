/** CustomResourceDefinitions for tests. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../generated/types/apiextensions-v1.ts';
import type { StructuralSchema } from './schema/schema.ts';

/** `things.example.com` with one version, stored and served, unless said otherwise. */
export function definitionOf(
  schema: StructuralSchema,
  options: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList', shortNames: ['th'] },
      versions: [versionOf('v1', schema, { storage: true, ...options })],
    },
    status: { storedVersions: ['v1'] },
  };
}

export function versionOf(
  name: string,
  schema: StructuralSchema,
  options: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion {
  return { name, served: true, storage: false, schema: { openAPIV3Schema: schema as never }, ...options };
}

/** An object with these fields in its spec. */
export function specOf(properties: StructuralSchema['properties'], more: StructuralSchema = {}): StructuralSchema {
  return { type: 'object', properties: { spec: { type: 'object', properties, ...more } } };
}
