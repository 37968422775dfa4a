/**
 * Whether the schema that a CustomResourceDefinition gives is structural, and its markers, defaults and rules fit; with upstream's
 * field paths and reasons.
 */
import { compilePattern } from '../../../lib/cel/functions/patterns.ts';
import { CelEvaluationError } from '../../../lib/cel/index.ts';
import type { FieldError } from '../../definition.ts';
import type { JSONSchemaProps } from '../../generated/types/apiextensions-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import type { StructuralSchema } from '../schema/schema.ts';
import { validateDefaults } from './validate-defaults.ts';
import { validateSchemaRules } from './validate-schema-rules.ts';

type Level = 'root' | 'item' | 'field';
type Path = string;
/** As it came, before anything is known to be right. */
type Raw = JSONSchemaProps & StructuralSchema;

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const metaFields = new Set(['metadata', 'kind', 'apiVersion']);
/** Deeper schemas are refused: everything here is recursive. */
const maxDepth = 100;

/** `path`: of the schema, such as `spec.versions[0].schema.openAPIV3Schema`. */
export function validateSchema(given: JSONSchemaProps, path: Path, options: { costs: boolean }): FieldError[] {
  const schema = given as Raw;
  if (isTooDeep(schema, maxDepth)) {
    return [fieldForbidden(path, `schemas may not be nested more than ${maxDepth} levels deep`)];
  }
  const markers = new MarkerChecks();
  markers.check(schema, path, { root: true, meta: false, noDefaults: undefined });
  const structural = markers.readable
    ? [...invariants(schema, 'root', path), ...complete(schema, schema, path, path)]
    : [];
  structural.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  const errors = [...markers.errors, ...structural];
  if (errors.length > 0) return errors;
  return [...validateDefaults(schema, path), ...validateSchemaRules(schema, path, options)];
}

function text({ field, message }: FieldError): string {
  return `${field}: ${message}`;
}

function isTooDeep(schema: Raw, depth: number): boolean {
  if (depth === 0) return true;
  return children(schema).some((child) => isTooDeep(child, depth - 1));
}

function children(schema: Raw): Raw[] {
  const { items, additionalProperties, not } = schema;
  const single = [items, additionalProperties, not].filter((one) => one !== null && typeof one === 'object');
  const lists = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [...single, ...lists, ...Object.values(schema.properties ?? {})] as Raw[];
}

interface MarkerContext {
  readonly root: boolean;
  /** Inside of metadata. */
  readonly meta: boolean;
  /** Why there may be no defaults here. */
  readonly noDefaults: string | undefined;
}

/** What a schema may say at all, and how its markers go together. */
class MarkerChecks {
  readonly errors: FieldError[] = [];
  /** Nothing is in it that no structural schema could have. */
  readable = true;

  check(schema: Raw, path: Path, context: MarkerContext): void {
    this.#unsupported(schema, path, context);
    this.#additional(schema, path, context);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const resource = context.root || schema['x-kubernetes-embedded-resource'] === true;
      const meta = context.meta || (resource && metaFields.has(name));
      const noDefaults = context.root && metaFields.has(name) ? `in top-level ${name}` : context.noDefaults;
      this.check(property as Raw, `${path}.properties[${name}]`, { root: false, meta, noDefaults });
    }
    const inner = { ...context, root: false };
    const nested = { ...inner };
    if (schema.not) this.check(schema.not as Raw, `${path}.not`, nested);
    for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const) {
      for (const [index, one] of (schema[junctor] ?? []).entries()) {
        this.check(one as Raw, `${path}.${junctor}[${index}]`, nested);
      }
    }
    if (schema.items && !Array.isArray(schema.items)) this.check(schema.items as Raw, `${path}.items`, inner);
    this.#kinds(schema, path);
    this.#listKeys(schema, path);
  }

  #unsupported(schema: Raw, path: Path, context: MarkerContext): void {
    const forbid = (field: string, why: string) => this.errors.push(fieldForbidden(`${path}.${field}`, why));
    if (schema.type && schema.type !== 'null' && !types.includes(schema.type)) {
      this.errors.push(fieldNotSupported(`${path}.type`, schema.type, types));
    }
    if (schema.default !== undefined && context.noDefaults !== undefined) {
      forbid('default', `must not be set ${context.noDefaults}`);
    }
    for (const name of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const) {
      if (schema[name] === undefined) continue;
      this.readable = false;
      forbid(name, `${name} is not supported`);
    }
    if (schema.type === 'null') {
      this.errors.push(fieldNotSupported(`${path}.type`, schema.type, types));
      forbid('type', 'type cannot be set to null, use nullable as an alternative');
    }
    if (Array.isArray(schema.items)) forbid('items', 'items must be a schema object and not an array');
    if (schema.uniqueItems) {
      forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
    }
    if (context.meta && schema['x-kubernetes-embedded-resource']) {
      forbid('x-kubernetes-embedded-resource', 'must not be used inside of resource meta');
    }
  }

  #additional(schema: Raw, path: Path, context: MarkerContext): void {
    const { additionalProperties: additional } = schema;
    if (additional === undefined) return;
    const here = `${path}.additionalProperties`;
    const hasProperties = Object.keys(schema.properties ?? {}).length > 0;
    if (hasProperties && additional !== true) {
      this.errors.push(fieldForbidden(here, 'additionalProperties and properties are mutual exclusive'));
    }
    if (typeof additional !== 'object') return;
    const noDefaults = context.meta ? 'inside additionalProperties applying to object metadata' : context.noDefaults;
    this.check(additional as Raw, here, { root: false, meta: context.meta, noDefaults });
  }

  #kinds(schema: Raw, path: Path): void {
    if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
      const field = `${path}.x-kubernetes-preserve-unknown-fields`;
      this.errors.push(fieldInvalid(field, false, 'must be true or undefined'));
    }
    const { type, 'x-kubernetes-map-type': mapType, 'x-kubernetes-list-type': listType } = schema;
    if (mapType !== undefined && type !== 'object')
      this.#wrongType(path, type, 'must be object if x-kubernetes-map-type is specified');
    if (mapType !== undefined && !['atomic', 'granular'].includes(mapType)) {
      this.errors.push(fieldNotSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
    }
    if (listType !== undefined && type !== 'array') {
      this.#wrongType(path, type, 'must be array if x-kubernetes-list-type is specified');
    } else if (listType === 'set') this.#atomicItems(schema.items as Raw | undefined, path);
    if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) {
      const message = `Unsupported value: ${JSON.stringify(listType)}: supported values: "atomic", "set", "map"`;
      this.errors.push({ reason: 'FieldValueNotSupported', field: `${path}.x-kubernetes-list-type`, message });
    }
  }

  #wrongType(path: Path, type: string | undefined, why: string): void {
    this.errors.push(type ? fieldInvalid(`${path}.type`, type, why) : fieldRequired(`${path}.type`, why));
  }

  #atomicItems(items: Raw | undefined, path: Path): void {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    const listType = items?.['x-kubernetes-list-type'];
    if (items?.type === 'array' && listType !== undefined && listType !== 'atomic') {
      this.errors.push(fieldInvalid(`${path}.items.x-kubernetes-list-type`, listType, why));
    }
    if (items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
      this.errors.push(fieldInvalid(`${path}.items.x-kubernetes-map-type`, null, why));
    }
  }

  #listKeys(schema: Raw, path: Path): void {
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const listType = schema['x-kubernetes-list-type'];
    const items = schema.items as Raw | undefined;
    const at = (field: string) => `${path}.${field}`;
    if (keys.length > 0 && listType !== 'map') {
      const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
      const field = at('x-kubernetes-list-type');
      this.errors.push(listType === undefined ? fieldRequired(field, why) : fieldInvalid(field, listType, why));
    }
    if (listType !== 'map') return;
    if (keys.length === 0) {
      const why = 'must not be empty if x-kubernetes-list-type is map';
      this.errors.push(fieldRequired(at('x-kubernetes-list-map-keys'), why));
    }
    if (!items) {
      this.errors.push(fieldRequired(at('items'), 'must have a schema if x-kubernetes-list-type is map'));
      return;
    }
    if (items.type !== 'object') {
      const why = "must be object if parent array's x-kubernetes-list-type is map";
      this.errors.push(fieldInvalid(at('items.type'), items.type ?? '', why));
      return;
    }
    for (const [index, key] of keys.entries()) this.#listKey(schema, items, key, index, path);
  }

  #listKey(schema: Raw, items: Raw, key: string, index: number, path: Path): void {
    const keys = schema['x-kubernetes-list-map-keys']!;
    const property = items.properties?.[key];
    const keysField = `${path}.x-kubernetes-list-map-keys`;
    const field = `${path}.items.properties[${key}]`;
    if (!property) this.errors.push(fieldInvalid(keysField, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      this.errors.push(fieldInvalid(`${field}.type`, items.type, why));
    }
    if (keys.indexOf(key) < index)
      this.errors.push(fieldInvalid(keysField, keys, 'must not contain duplicate entries'));
    if (!property) return;
    if (!items.required?.includes(key) && property.default === undefined) {
      this.errors.push(
        fieldRequired(
          `${field}.default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    }
    if (property.nullable) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
      this.errors.push(fieldForbidden(`${field}.nullable`, why));
    }
  }
}

/** Every part has a type, and logic says nothing but what values are allowed. */
function invariants(schema: Raw, level: Level, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { type, items, properties = {} } = schema;
  const embeddedResource = schema['x-kubernetes-embedded-resource'] === true;
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const additional = schema.additionalProperties;
  if (type === 'array' && !items) errors.push(fieldRequired(`${path}.items`, 'must be specified'));
  if (items) errors.push(...invariants(items as Raw, 'item', `${path}.items`));
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...invariants(property as Raw, 'field', `${path}.properties[${name}]`));
  }
  if (additional !== undefined && level === 'root') {
    errors.push(fieldForbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  if (additional !== null && typeof additional === 'object') {
    errors.push(...invariants(additional as Raw, 'field', `${path}.additionalProperties`));
  }
  if (intOrString && preserves) {
    const field = `${path}.x-kubernetes-preserve-unknown-fields`;
    errors.push(fieldInvalid(field, true, 'must be false if x-kubernetes-int-or-string is true'));
  }
  if (intOrString && embeddedResource) {
    const field = `${path}.x-kubernetes-embedded-resource`;
    errors.push(fieldInvalid(field, true, 'must be false if x-kubernetes-int-or-string is true'));
  }
  const skip = { anyOf: isIntOrString(schema.anyOf), firstAllOf: isIntOrString(schema.allOf?.[0]?.anyOf) };
  errors.push(...valueValidation(schema, path, skip));
  errors.push(...typeRules(schema, level, path));
  if (level === 'root' || embeddedResource) errors.push(...resourceFields(schema, level, path));
  return errors;
}

function typeRules(schema: Raw, level: Level, path: Path): FieldError[] {
  const { type } = schema;
  const field = `${path}.type`;
  if (schema['x-kubernetes-embedded-resource'] && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    return [type ? fieldInvalid(field, type, why) : fieldRequired(field, why)];
  }
  if (!type) {
    if (schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields']) return [];
    const where = {
      root: 'at the root',
      item: 'for specified array items',
      field: 'for specified object fields',
    }[level];
    return [fieldRequired(field, `must not be empty ${where}`)];
  }
  return level === 'root' && type !== 'object' ? [fieldInvalid(field, type, 'must be object at the root')] : [];
}

function resourceFields(schema: Raw, level: Level, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Raw>>;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (isEmbedded && schema.additionalProperties !== undefined) {
    const why = 'must not be used if x-kubernetes-embedded-resource is set';
    errors.push(fieldForbidden(`${path}.additionalProperties`, why));
  }
  for (const name of ['kind', 'apiVersion']) {
    const property = properties[name];
    if (property && property.type !== 'string') {
      errors.push(fieldInvalid(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'));
    }
  }
  const { metadata } = properties;
  const field = `${path}.properties[metadata]`;
  if (metadata && metadata.type !== 'object') {
    errors.push(fieldInvalid(`${field}.type`, metadata.type ?? '', 'must be object'));
  }
  if (metadata && level === 'root' && !restrictsNameOnly(metadata)) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(fieldForbidden(field, why));
  }
  if (isEmbedded && !schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(fieldRequired(`${path}.properties`, why));
  }
  return errors;
}

function restrictsNameOnly(metadata: Raw): boolean {
  const { properties = {}, ...rest } = metadata;
  const others = Object.keys(rest).filter((key) => !['type', 'default'].includes(key));
  return others.length === 0 && Object.keys(properties).every((name) => name === 'name' || name === 'generateName');
}

function isIntOrString(list: readonly StructuralSchema[] | undefined): boolean {
  const kinds = ['integer', 'string'];
  return (
    list?.length === 2 && list.every((one, index) => JSON.stringify(one) === JSON.stringify({ type: kinds[index] }))
  );
}

interface Skip {
  readonly anyOf: boolean;
  readonly firstAllOf: boolean;
}

const noSkip: Skip = { anyOf: false, firstAllOf: false };

function valueValidation(schema: Raw, path: Path, skip: Skip): FieldError[] {
  const errors: FieldError[] = [];
  if (!skip.anyOf) {
    for (const [index, one] of (schema.anyOf ?? []).entries())
      errors.push(...nested(one as Raw, `${path}.anyOf[${index}]`));
  }
  for (const [index, one] of (schema.allOf ?? []).entries()) {
    const inner = { anyOf: skip.firstAllOf && index === 0, firstAllOf: false };
    errors.push(...nested(one as Raw, `${path}.allOf[${index}]`, inner));
  }
  for (const [index, one] of (schema.oneOf ?? []).entries())
    errors.push(...nested(one as Raw, `${path}.oneOf[${index}]`));
  if (schema.not) errors.push(...nested(schema.not as Raw, `${path}.not`));
  if (schema.pattern) errors.push(...validPattern(schema.pattern, `${path}.pattern`));
  return errors;
}

function validPattern(pattern: string, field: Path): FieldError[] {
  try {
    compilePattern(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof CelEvaluationError)) throw error;
    return [fieldInvalid(field, pattern, `must be a valid regular expression, but isn't: ${error.message}`)];
  }
}

/** What may not be said inside of logic, with the word for what it must be instead. */
const forbiddenInLogic: readonly (readonly [keyof Raw, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function nested(schema: Raw, path: Path, skip: Skip = noSkip): FieldError[] {
  const errors = valueValidation(schema, path, skip);
  if (schema.items) errors.push(...nested(schema.items as Raw, `${path}.items`));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...nested(property as Raw, `${path}.properties[${name}]`));
  }
  for (const [field, why] of forbiddenInLogic) {
    const value = schema[field];
    const empty =
      value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0);
    if (!empty || (field === 'additionalProperties' && value === false))
      errors.push(fieldForbidden(`${path}.${field}`, why));
  }
  if (schema.properties?.metadata) {
    errors.push(fieldForbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  }
  return errors;
}

/** What logic speaks of is declared outside of it too. */
function complete(logic: Raw, structure: Raw, structurePath: Path, logicPath: Path): FieldError[] {
  const errors: FieldError[] = [];
  const inner = (one: Raw, path: Path) => errors.push(...completeNested(one, structure, structurePath, path));
  if (logic.not) inner(logic.not as Raw, `${logicPath}.not`);
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [index, one] of (logic[junctor] ?? []).entries()) inner(one as Raw, `${logicPath}.${junctor}[${index}]`);
  }
  return errors;
}

function completeNested(logic: Raw, structure: Raw | undefined, structurePath: Path, logicPath: Path): FieldError[] {
  if (!structure) return [fieldRequired(structurePath, `because it is defined in ${logicPath}`)];
  const errors = complete(logic, structure, structurePath, logicPath);
  if (logic.items) {
    const items = structure.items as Raw | undefined;
    errors.push(...completeNested(logic.items as Raw, items, `${structurePath}.items`, `${logicPath}.items`));
  }
  for (const [name, property] of Object.entries(logic.properties ?? {})) {
    const declared = structure.properties?.[name] as Raw | undefined;
    const here = `${structurePath}.properties[${name}]`;
    errors.push(...completeNested(property as Raw, declared, here, `${logicPath}.properties[${name}]`));
  }
  return errors;
}
