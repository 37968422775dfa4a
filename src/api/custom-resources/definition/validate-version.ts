/** One version of a CustomResourceDefinition: schema, subresources, columns, selectable fields, deprecation. */
import type { FieldError } from '../../definition.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from '../../generated/types/apiextensions-v1.ts';
import { sameJson } from '../../kinds/strategy.ts';
import { fieldDuplicate, fieldForbidden, fieldInvalid, fieldRequired, fieldTooMany } from '../../meta/field-error.ts';
import { fieldsOf, JsonPathError, parseJsonPath } from '../json-path.ts';
import { type StructuralSchema, schemaOfKey } from '../schema/schema.ts';
import { validateSchema } from './validate-schema.ts';

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const maxSelectableFields = 8;
const maxWarningBytes = 256;
/** What may stand at the root of a schema whose status is a subresource. */
const rootFields = new Set([
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'required',
  'items',
  'properties',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);

type Version = CustomResourceDefinitionVersion;

/** What a version says of its objects, and where it is told: in one place for what all versions say alike. */
const aspects = [
  ['schema', 'spec.validation', 'schema'],
  ['subresources', 'spec.subresources', 'subresources'],
  ['additionalPrinterColumns', 'spec.additionalPrinterColumns', 'additionalPrinterColumns'],
  ['selectableFields', 'spec.selectableFields', 'selectableFields'],
] as const;

/** `before`: the versions as they were; a schema that was taken then is not looked at again. */
export function validateVersions(versions: readonly Version[], before: readonly Version[]): FieldError[] {
  const errors = versions.flatMap((version, index) => deprecation(version, `spec.versions[${index}]`));
  for (const [aspect, common, own] of aspects) {
    const alike = versions.every((version) => version[aspect] && sameJson(version[aspect], versions[0]?.[aspect]));
    for (const [index, version] of (alike ? versions.slice(0, 1) : versions).entries()) {
      const path = alike ? common : `spec.versions[${index}].${own}`;
      const old = before.find(({ name }) => name === version.name);
      errors.push(...validateAspect(aspect, version, old, path));
    }
  }
  return errors;
}

function validateAspect(
  aspect: (typeof aspects)[number][0],
  version: Version,
  old: Version | undefined,
  path: string,
): FieldError[] {
  const given = version.schema?.openAPIV3Schema;
  switch (aspect) {
    case 'schema': {
      if (!given || (old && sameJson(old.schema, version.schema))) return [];
      const field = `${path}.openAPIV3Schema`;
      return [...rootSchema(version, field), ...validateSchema(given, field, { costs: true })];
    }
    case 'subresources':
      return scalePaths(version.subresources, path);
    case 'additionalPrinterColumns':
      return (version.additionalPrinterColumns ?? []).flatMap((column, index) =>
        validateColumn(column, `${path}[${index}]`),
      );
    case 'selectableFields':
      return selectableFields(version.selectableFields ?? [], given as StructuralSchema | undefined, path);
  }
}

function deprecation({ deprecated, deprecationWarning }: CustomResourceDefinitionVersion, path: string): FieldError[] {
  if (deprecationWarning === undefined) return [];
  const invalid = (why: string) => fieldInvalid(`${path}.deprecationWarning`, deprecationWarning, why);
  if (!deprecated) return [invalid('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (deprecationWarning.length > maxWarningBytes) {
    errors.push(invalid(`must be <= ${maxWarningBytes} characters long`));
  }
  if (deprecationWarning === '') errors.push(invalid('must not be an empty string'));
  if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(deprecationWarning)) {
    errors.push(invalid('must only contain printable UTF-8 characters'));
  }
  return errors;
}

function rootSchema({ schema, subresources }: Version, field: string): FieldError[] {
  const root = schema!.openAPIV3Schema!;
  const errors = root.nullable ? [fieldForbidden(`${field}.nullable`, 'nullable cannot be true at the root')] : [];
  if (!subresources?.status) return errors;
  if (root.type !== undefined && root.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [...errors, fieldInvalid(`${field}.type`, root.type, why)];
  }
  if (Object.keys(root).every((name) => rootFields.has(name))) return errors;
  const list = [...rootFields].join(' ');
  const why = `only [${list}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [...errors, fieldInvalid(field, root, why)];
}

function simplePath(path: string, field: string): FieldError[] {
  if (path.startsWith('.')) return [];
  return [fieldInvalid(field, path, 'must be a simple json path starting with .')];
}

function scalePaths(subresources: CustomResourceSubresources | undefined, path: string): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const under = (name: string, value: string, parents: readonly string[], where: string): FieldError[] => {
    const field = `${path}.scale.${name}`;
    const simple = simplePath(value, field);
    if (simple.length > 0) return simple;
    const fits = parents.some((parent) => value.startsWith(`.${parent}.`));
    return fits ? [] : [fieldInvalid(field, value, `should be a json path under ${where}`)];
  };
  const needed = (name: string, value: string, parent: string) =>
    value ? under(name, value, [parent], `.${parent}`) : [fieldRequired(`${path}.scale.${name}`)];
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...needed('specReplicasPath', specReplicasPath, 'spec'),
    ...needed('statusReplicasPath', statusReplicasPath, 'status'),
    ...(labelSelectorPath
      ? under('labelSelectorPath', labelSelectorPath, ['spec', 'status'], 'either .spec or .status')
      : []),
  ];
}

function validateColumn({ name, type, format, jsonPath }: CustomResourceColumnDefinition, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const oneOf = (allowed: readonly string[]) => `must be one of ${allowed.join(',')}`;
  if (!name) errors.push(fieldRequired(`${path}.name`));
  if (!type) errors.push(fieldRequired(`${path}.type`, oneOf(columnTypes)));
  else if (!columnTypes.includes(type)) errors.push(fieldInvalid(`${path}.type`, type, oneOf(columnTypes)));
  if (format && !columnFormats.includes(format)) {
    errors.push(fieldInvalid(`${path}.format`, format, oneOf(columnFormats)));
  }
  if (!jsonPath) errors.push(fieldRequired(`${path}.JSONPath`));
  else errors.push(...simplePath(jsonPath, `${path}.JSONPath`));
  return errors;
}

function selectableFields(
  fields: readonly SelectableField[],
  schema: StructuralSchema | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const field = `${path}[${index}].jsonPath`;
    if (!jsonPath) {
      errors.push(fieldRequired(field));
      continue;
    }
    const names = simpleNames(jsonPath);
    const found = names && schemaAt(schema, names);
    if (!/^[.[]/.test(jsonPath)) {
      const why = `is an invalid path: expected [ or . but got: ${/^[^.[\]]*/.exec(jsonPath)?.[0]}`;
      errors.push(fieldInvalid(field, jsonPath, why));
      continue;
    }
    if (!names || !found) {
      errors.push(fieldInvalid(field, jsonPath, 'is an invalid path: does not refer to a valid field'));
      continue;
    }
    if (names[0] === 'metadata') errors.push(fieldInvalid(field, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.type ?? '')) {
      const why =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      errors.push(fieldInvalid(field, jsonPath, why));
    }
    if (seen.has(names.join('.'))) errors.push(fieldDuplicate(field, jsonPath));
    seen.add(names.join('.'));
  }
  if (seen.size > maxSelectableFields) errors.push(fieldTooMany(path, seen.size, maxSelectableFields));
  return errors;
}

function simpleNames(path: string): string[] | undefined {
  if (path.includes('[')) return undefined;
  try {
    return fieldsOf(parseJsonPath(path));
  } catch (error) {
    if (error instanceof JsonPathError) return undefined;
    throw error;
  }
}

function schemaAt(schema: StructuralSchema | undefined, names: readonly string[]): StructuralSchema | undefined {
  let current = schema;
  for (const name of names) current = current && schemaOfKey(current, name);
  return current;
}
