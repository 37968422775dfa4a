/**
 * What managed fields need to know of a schema: which maps and lists are one value (atomic), which are merged, and by which keys.
 * Made once from the schemas of the built-in kinds, or from a structural schema; where a schema says nothing, maps are merged and lists are atomic.
 */
import type { Schema, SchemaSet } from '../schema/schema.ts';

export type FieldType = ScalarType | MapType | ListType | AnyType;

export interface ScalarType {
  readonly kind: 'scalar';
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped';
}

/** Whatever value is there decides: maps merged key by key, lists atomic. */
export interface AnyType {
  readonly kind: 'any';
}

export interface MapType {
  readonly kind: 'map';
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, StructField>;
  /** Of keys that are no declared field; absent: there are none. */
  readonly element: FieldType | undefined;
  /** Fields that are always there. */
  readonly always: readonly StructField[];
}

export interface StructField {
  readonly name: string;
  /** `f:NAME`. */
  readonly element: string;
  readonly type: FieldType;
  /**
   * A client in Go cannot leave the field out: absent is the same as `zero`. It decides whether `.spec` counts as changed by whoever writes
   * the first field in it.
   */
  readonly always: boolean;
  readonly zero: unknown;
}

export interface ListType {
  readonly kind: 'list';
  readonly mode: 'atomic' | 'set' | 'map';
  /** Of `map`, sorted by name. */
  readonly keys: readonly ListKey[];
  readonly element: FieldType;
}

export interface ListKey {
  readonly name: string;
  /** `"NAME":`. */
  readonly prefix: string;
  readonly defaultValue: unknown;
}

export const anyType: AnyType = { kind: 'any' };
const anyMap: MapType = { kind: 'map', atomic: false, fields: new Map(), element: anyType, always: [] };
const anyList: ListType = { kind: 'list', mode: 'atomic', keys: [], element: anyType };
const anyScalar: ScalarType = { kind: 'scalar', scalar: 'untyped' };

/** The type by which a value is walked: `any` becomes what the value is. */
export function typeOfValue(type: FieldType, value: unknown): Exclude<FieldType, AnyType> {
  if (type.kind !== 'any') return type;
  if (Array.isArray(value)) return anyList;
  return value !== null && typeof value === 'object' ? anyMap : anyScalar;
}

/** Of a key of a map. */
export function fieldTypeOf(type: MapType, key: string): FieldType | undefined {
  return type.fields.get(key)?.type ?? type.element;
}

/** Of a definition in the set, such as `io.k8s.api.apps.v1.Deployment`. */
export function fieldTypeOfDefinition(schemas: SchemaSet, name: string): FieldType {
  let compiler = compilers.get(schemas);
  if (!compiler) {
    compiler = new Compiler(schemas, false);
    compilers.set(schemas, compiler);
  }
  return compiler.definition(name);
}

const compilers = new WeakMap<SchemaSet, Compiler>();

/** Of a structural schema. Its owner keeps the result: it is made anew each time. */
export function fieldTypeOfSchema(schemas: SchemaSet, schema: Schema): FieldType {
  return new Compiler(schemas, true).schema(schema);
}

/** Of a custom resource, whose own schema says nothing of the metadata; absent: any fields. */
export function fieldTypeOfCustomResource(schemas: SchemaSet, schema: Schema | undefined): FieldType {
  return fieldTypeOfSchema(schemas, asResource(schema ?? { 'x-kubernetes-preserve-unknown-fields': true }));
}

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

function asResource(schema: StructuralSchema): StructuralSchema {
  const own = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { $ref: objectMeta } } as const;
  const { 'x-kubernetes-embedded-resource': _, ...rest } = schema;
  return { ...rest, type: 'object', properties: { ...schema.properties, ...own } };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Extensions of structural schemas. */
interface StructuralSchema extends Schema {
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
}

class Compiler {
  readonly #schemas: SchemaSet;
  readonly #definitions = new Map<string, FieldType>();

  /** Objects are kept as they are sent: no field is there by itself. */
  readonly #structural: boolean;

  constructor(schemas: SchemaSet, structural: boolean) {
    this.#schemas = schemas;
    this.#structural = structural;
  }

  definition(name: string): FieldType {
    const known = this.#definitions.get(name);
    if (known) return known;
    const schema = this.#schemas.get(name);
    if (!schema.properties) {
      const type = this.schema(schema);
      this.#definitions.set(name, type);
      return type;
    }
    // Entered before it is filled: definitions may contain themselves.
    const type = newMap(schema);
    this.#definitions.set(name, type);
    this.#fill(type, schema);
    return type;
  }

  schema(schema: StructuralSchema): FieldType {
    if (schema.$ref !== undefined) return withMapType(this.definition(schema.$ref), schema);
    if (schema['x-kubernetes-int-or-string']) return anyScalar;
    if (schema['x-kubernetes-embedded-resource']) return this.schema(asResource(schema));
    switch (schema.type) {
      case 'string':
        return { kind: 'scalar', scalar: !schema.format || schema.format === 'byte' ? 'string' : 'untyped' };
      case 'integer':
      case 'number':
        return { kind: 'scalar', scalar: 'numeric' };
      case 'boolean':
        return { kind: 'scalar', scalar: 'boolean' };
      case 'array':
        return this.#list(schema);
      case 'object': {
        if (!schema.properties && !schema.additionalProperties) {
          return schema['x-kubernetes-map-type'] === 'atomic' ? { ...anyMap, atomic: true } : anyType;
        }
        const type = newMap(schema);
        this.#fill(type, schema);
        return type;
      }
      default:
        // Quantities: a number or a string.
        return schema.oneOf ? anyScalar : anyType;
    }
  }

  #fill(type: Mutable<MapType>, schema: StructuralSchema): void {
    const fields = new Map<string, StructField>();
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const inner = this.schema(property);
      const written = isObject(property.default) || (schema.required?.includes(name) ?? false);
      const always = written && !this.#structural;
      fields.set(name, {
        name,
        element: `f:${name}`,
        type: inner,
        always,
        zero: always ? zeroOf(inner, property) : undefined,
      });
    }
    type.fields = fields;
    type.always = [...fields.values()].filter((field) => field.always);
    if (schema.additionalProperties) type.element = this.schema(schema.additionalProperties);
    else if (schema['x-kubernetes-preserve-unknown-fields']) type.element = anyType;
  }

  #list(schema: StructuralSchema): ListType {
    const items: StructuralSchema = schema.items ?? {};
    const mode = schema['x-kubernetes-list-type'] ?? 'atomic';
    const properties = this.#schemas.resolve(items).properties ?? {};
    const names = mode === 'map' ? [...(schema['x-kubernetes-list-map-keys'] ?? [])].sort() : [];
    const keys = names.map((name) => ({
      name,
      prefix: `${JSON.stringify(name)}:`,
      defaultValue: keyDefault(properties[name]),
    }));
    return {
      kind: 'list',
      mode: mode === 'map' && keys.length === 0 ? 'atomic' : mode,
      keys,
      element: this.schema(items),
    };
  }
}

/** An item without the key counts as one with its default. */
function keyDefault(property: Schema | undefined): unknown {
  const value = property?.default;
  return typeof value === 'object' ? undefined : value;
}

function newMap(schema: Schema): Mutable<MapType> {
  return {
    kind: 'map',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    fields: new Map(),
    element: undefined,
    always: [],
  };
}

/** A marker beside a `$ref` counts more than the one in the definition. */
function withMapType(type: FieldType, schema: Schema): FieldType {
  const wanted = schema['x-kubernetes-map-type'];
  if (wanted === undefined || type.kind !== 'map' || type.atomic === (wanted === 'atomic')) return type;
  return { ...type, atomic: wanted === 'atomic' };
}

function zeroOf(type: FieldType, property: Schema): unknown {
  if (type.kind === 'map' && isObject(property.default)) return {};
  if (type.kind !== 'scalar') return null;
  switch (type.scalar) {
    case 'string':
      return '';
    case 'numeric':
      return 0;
    case 'boolean':
      return false;
    case 'untyped':
      return null;
  }
}

function isObject(value: unknown): boolean {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
