/** From a CustomResourceDefinition to the kinds that it declares: one for each version that is served. */
import type { ResourceDefinition, SubresourceDefinition } from '../definition.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from '../generated/types/apiextensions-v1.ts';
import { allVerbs, scaleSubresource, statusSubresource } from '../kinds/define.ts';
import { type FieldType, fieldTypeOfCustomResource } from '../managed-fields/field-type.ts';
import { builtInSchemas, type Schema } from '../schema/schema.ts';
import { apiVersionOf, type GroupVersionKind, type KubernetesObject } from '../types.ts';
import { customColumns } from './columns.ts';
import type { ConvertObjects, CustomKind, ScalePaths } from './custom-kind.ts';
import { decodeCustomResource } from './decode.ts';
import { fieldsOf, safeJsonPath } from './json-path.ts';
import { definitionNameOf, openApiSchema } from './open-api.ts';
import { applyDefaults, dropNulls } from './schema/defaults.ts';
import { prune } from './schema/prune.ts';
import type { StructuralSchema } from './schema/schema.ts';
import { customStrategy } from './strategy.ts';
import { valueAt } from './value-at.ts';

export interface DefineOptions {
  readonly ended: AbortSignal;
  readonly convert?: ConvertObjects | undefined;
}

/** Names are accepted, and its kinds are to be served. */
export function isEstablished({ status }: CustomResourceDefinition): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') === true
  );
}

export function defineCustomKinds(crd: CustomResourceDefinition, options: DefineOptions): ResourceDefinition[] {
  return crd.spec.versions.filter(({ served }) => served).map((version) => defineVersion(crd, version, options));
}

function defineVersion(
  { metadata, spec, status }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { ended, convert }: DefineOptions,
): ResourceDefinition {
  const { group } = spec;
  const names = { ...spec.names, ...status?.acceptedNames };
  const gvk: GroupVersionKind = { group, version: version.name, kind: names.kind };
  const schema = (version.schema?.openAPIV3Schema ?? {}) as StructuralSchema;
  const scale = version.subresources?.scale && scalePaths(version.subresources.scale);
  const storage = spec.versions.find((one) => one.storage) ?? version;
  let fieldType: FieldType | undefined;
  const custom: CustomKind = {
    definitionName: metadata?.name ?? '',
    schema,
    storageVersion: apiVersionOf({ group, version: storage.name }),
    convert: spec.conversion?.strategy === 'Webhook' ? convert : undefined,
    scale,
    terminating: metadata?.deletionTimestamp !== undefined,
    ended,
    fieldType() {
      fieldType ??= fieldTypeOfCustomResource(builtInSchemas(), schema as Schema);
      return fieldType;
    },
    openApi: (version) => openApiSchema(gvk, schema, version),
    decode: (value) => decodeCustomResource(value, schema),
    normalize(object) {
      prune(object, schema);
      dropNulls(object, schema);
      applyDefaults(object, schema);
    },
  };
  return {
    ...gvk,
    resource: names.plural,
    listKind: names.listKind || `${names.kind}List`,
    singular: names.singular || names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    schema: definitionNameOf(gvk),
    verbs: allVerbs,
    subresources: subresourcesOf(version, gvk),
    columns: customColumns(version.additionalPrinterColumns),
    fieldSelectors: selectableFields(version),
    strategy: customStrategy(version, schema, scale),
    deprecation: version.deprecated
      ? (version.deprecationWarning ?? `${apiVersionOf(gvk)} ${names.kind} is deprecated`)
      : undefined,
    needsResourceVersion: true,
    custom,
  };
}

function subresourcesOf(
  { subresources }: CustomResourceDefinitionVersion,
  kind: GroupVersionKind,
): SubresourceDefinition[] {
  return [
    ...(subresources?.status ? [statusSubresource(kind)] : []),
    ...(subresources?.scale ? [scaleSubresource] : []),
  ];
}

function pathOf(text: string): readonly string[] {
  return safeJsonPath(text, fieldsOf) ?? [];
}

function scalePaths(scale: CustomResourceSubresourceScale): ScalePaths {
  return {
    specReplicas: pathOf(scale.specReplicasPath),
    statusReplicas: pathOf(scale.statusReplicasPath),
    labelSelector: scale.labelSelectorPath ? pathOf(scale.labelSelectorPath) : undefined,
  };
}

function selectableFields({ selectableFields: fields = [] }: CustomResourceDefinitionVersion) {
  return Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const path = pathOf(jsonPath);
      const read = (object: KubernetesObject): string => {
        const value = valueAt(object, path);
        return value === undefined || value === null ? '' : String(value);
      };
      return [jsonPath.replace(/^\./, ''), read];
    }),
  );
}
