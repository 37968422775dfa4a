/** How objects of a CustomResourceDefinition's version behave. */
import type { FieldError, Strategy } from '../definition.ts';
import type { CustomResourceDefinitionVersion } from '../generated/types/apiextensions-v1.ts';
import { firstGeneration, keepStatus, sameJson } from '../kinds/strategy.ts';
import { fieldInvalid } from '../meta/field-error.ts';
import type { KubernetesObject } from '../types.ts';
import type { ScalePaths } from './custom-kind.ts';
import { ruleTree } from './rules/compiled-rules.ts';
import { validateRules } from './rules/validate-rules.ts';
import { applyDefaults, dropNulls } from './schema/defaults.ts';
import { validateEmbedded } from './schema/embedded.ts';
import { isJsonObject, type StructuralSchema } from './schema/schema.ts';
import { validateUniqueItems } from './schema/unique-items.ts';
import { validateBySchema } from './schema/validate.ts';

type SchemaCheck = (value: KubernetesObject, before: { readonly value: KubernetesObject } | undefined) => FieldError[];

const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const notChecked = fieldInvalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

export function customStrategy(
  version: CustomResourceDefinitionVersion,
  schema: StructuralSchema,
  scale: ScalePaths | undefined,
): Strategy {
  const hasStatus = version.subresources?.status !== undefined;
  const rules = ruleTree(schema);
  const whole: SchemaCheck = (value, before) => validateBySchema(value, schema, before);
  /** Of the status alone: the rest is as it was. */
  const statusOnly: SchemaCheck = ({ status }, before) =>
    validateBySchema(status, schema.properties?.status ?? {}, before && { value: before.value.status }).map(
      (error) => ({
        ...error,
        field: error.field === '' || error.field === '<nil>' ? error.field || 'status' : `status.${error.field}`,
      }),
    );
  const validate = (
    object: KubernetesObject,
    old: KubernetesObject | undefined,
    bySchema: SchemaCheck = whole,
  ): FieldError[] => {
    const value = forValidation(object);
    const before = old && { value: forValidation(old) };
    const found = [
      ...bySchema(value, before),
      ...validateUniqueItems(value, schema),
      ...validateEmbedded(value, schema),
      ...validateScale(object, scale),
    ];
    if (!rules) return found;
    // Rules may count on types and limits: what breaks them is not shown to the rules.
    if (found.some(({ reason }) => blocking.has(reason))) return [...found, notChecked];
    return [...found, ...validateRules(value, schema, rules, before)];
  };
  return {
    setDefaults(object) {
      dropNulls(object, schema);
      applyDefaults(object, schema);
    },
    prepareForCreate(object) {
      if (hasStatus) delete object.status;
      firstGeneration(object);
    },
    prepareForUpdate(object, old) {
      if (hasStatus) keepStatus(object, old);
      object.metadata ??= {};
      const before = old.metadata?.generation ?? 0;
      object.metadata.generation = sameJson(spec(object, hasStatus), spec(old, hasStatus)) ? before : before + 1;
    },
    prepareForStatusUpdate(object, old) {
      const { status } = object;
      const managedFields = object.metadata?.managedFields;
      for (const field of Object.keys(object)) delete object[field];
      Object.assign(object, structuredClone(old), status !== undefined && { status });
      if (status === undefined) delete object.status;
      const { resourceVersion: _, ...metadata } = object.metadata ?? {};
      object.metadata = { ...metadata, managedFields };
      if (managedFields === undefined) delete object.metadata.managedFields;
    },
    validateCreate: (object) => validate(object, undefined),
    validateUpdate: (object, old) => validate(object, old),
    validateStatusUpdate: (object, old) => validate(object, old, object.status === undefined ? whole : statusOnly),
  };
}

/** Managed fields are the server's; what they say is of no concern to a schema. */
function forValidation(object: KubernetesObject): KubernetesObject {
  if (!object.metadata?.managedFields && !object.metadata?.resourceVersion) return object;
  const { managedFields: _, resourceVersion: __, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Everything whose change moves the generation. */
function spec(object: KubernetesObject, hasStatus: boolean): KubernetesObject {
  const { metadata: _, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, ...(status !== undefined && { status }) };
}

const maxReplicas = 2147483647;

function validateScale(object: KubernetesObject, scale: ScalePaths | undefined): FieldError[] {
  return scale
    ? [...validateReplicas(object, scale.specReplicas), ...validateReplicas(object, scale.statusReplicas)]
    : [];
}

/** Told beside what the schema says, with a path of its own form. */
function validateReplicas(object: KubernetesObject, path: readonly string[]): FieldError[] {
  const field = `.${path.join('.')}`;
  const wrong = (value: unknown, wanted: string) =>
    fieldInvalid(
      field,
      0,
      `${field} accessor error: ${goText(value)} is of the type ${goTypeOf(value)}, expected ${wanted}`,
    );
  let value: unknown = object;
  for (const name of path) {
    if (value === undefined) return [];
    if (!isJsonObject(value)) return [wrong(value, 'map[string]interface{}')];
    value = value[name];
  }
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value)) return [wrong(value, 'int64')];
  if (value < 0) return [fieldInvalid(field, value, 'should be a non-negative integer')];
  if (value > maxReplicas) return [fieldInvalid(field, value, `should be less than or equal to ${maxReplicas}`)];
  return [];
}

function goTypeOf(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'map[string]interface {}';
}

function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value ?? '<nil>');
}
