/** How objects of a CustomResourceDefinition's version behave. */
import type { FieldError, Strategy } from '../definition.ts';
import type { CustomResourceDefinitionVersion } from '../generated/types/apiextensions-v1.ts';
import { firstGeneration, keepStatus, sameJson } from '../kinds/strategy.ts';
import { fieldInvalid } from '../meta/field-error.ts';
import type { KubernetesObject } from '../types.ts';
import type { ScalePaths } from './custom-kind.ts';
import { ruleTree } from './rules/compiled-rules.ts';
import { validateRules } from './rules/validate-rules.ts';
import { applyDefaults } from './schema/defaults.ts';
import { validateEmbedded } from './schema/embedded.ts';
import type { StructuralSchema } from './schema/schema.ts';
import { validateUniqueItems } from './schema/unique-items.ts';
import { validateBySchema } from './schema/validate.ts';
import { valueAt } from './value-at.ts';

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
  const validate = (object: KubernetesObject, old: KubernetesObject | undefined): FieldError[] => {
    const value = forValidation(object);
    const before = old && { value: forValidation(old) };
    const found = [
      ...validateBySchema(value, schema, before),
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
    setDefaults: (object) => applyDefaults(object, schema),
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
    validateUpdate: validate,
    validateStatusUpdate: validate,
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
  if (!scale) return [];
  const errors: FieldError[] = [];
  for (const path of [scale.specReplicas, scale.statusReplicas]) {
    const value = valueAt(object, path);
    if (typeof value !== 'number') continue;
    const field = path.join('.');
    if (value < 0) errors.push(fieldInvalid(field, value, 'should be a non-negative integer'));
    else if (value > maxReplicas) {
      errors.push(fieldInvalid(field, value, `should be less than or equal to ${maxReplicas}`));
    }
  }
  return errors;
}
