/**
 * From parsed JSON to a well-typed object, by schema: the counterpart of Go's decoding into structs, with its outcomes.
 *
 * - A value of the wrong type is an error that names struct, path and type as Go does.
 * - Fields that the schema does not know are dropped and reported (`unknown field "spec.foo"`).
 * - null means absent; inside lists and maps of scalars it means the zero value.
 * - Empty values that Kubernetes leaves out when it writes are absent (`hostNetwork: false`, `labels: {}`).
 * - Absent fields whose schema has a scalar default other than the zero value get it (a port's protocol: TCP).
 * - Quantities and timestamps come out in canonical form, base64 is checked.
 *
 * The result shares nothing with the input except free-form parts (RawExtension, JSON, managed fields).
 */
import { formatQuantity, parseQuantity } from '../meta/quantity.ts';
import { isEmpty } from './empty-fields.ts';
import { goDefinition, goType, jsonKind } from './go-type.ts';
import { type Schema, type SchemaSet, specialTypes } from './schema.ts';

/** A value that cannot be decoded; `message` is Go's. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

export interface Decoded {
  readonly value: Record<string, unknown>;
  /** Paths such as `spec.containers[0].foo`, in document order. */
  readonly unknownFields: readonly string[];
}

/** No more unknown fields than this are told, as upstream. */
const maxReportedFields = 100;

/** @throws DecodeError */
export function decodeBySchema(schemas: SchemaSet, definition: string, value: unknown): Decoded {
  const decoder = new Decoder(schemas);
  const decoded = decoder.definition(definition, value, { struct: '', goPath: '', path: '' });
  return { value: decoded as Record<string, unknown>, unknownFields: decoder.unknownFields };
}

/** Where the decoder is: innermost struct, dotted path without indices (as in type errors), path with indices. */
interface Place {
  readonly struct: string;
  readonly goPath: string;
  readonly path: string;
}

class Decoder {
  readonly #schemas: SchemaSet;
  readonly unknownFields: string[] = [];

  constructor(schemas: SchemaSet) {
    this.#schemas = schemas;
  }

  definition(name: string, value: unknown, place: Place): unknown {
    switch (name) {
      case specialTypes.quantity:
        return decodeQuantity(value);
      case specialTypes.intOrString:
        return decodeIntOrString(value);
      case specialTypes.time:
        return decodeTime(value, 0);
      case specialTypes.microTime:
        return decodeTime(value, 6);
      default:
    }
    const schema = this.#schemas.get(name);
    if (schema.properties) return this.#struct(name, schema.properties, value, place);
    // Free-form: RawExtension, JSON, FieldsV1.
    return value;
  }

  #struct(name: string, properties: Readonly<Record<string, Schema>>, value: unknown, place: Place): unknown {
    if (!isRecord(value)) throw typeError(value, goDefinition(name), place);
    const struct = name.slice(name.lastIndexOf('.') + 1);
    const result: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) {
      const path = place.path === '' ? key : `${place.path}.${key}`;
      const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (schema === undefined) {
        if (this.unknownFields.length < maxReportedFields) this.unknownFields.push(path);
        continue;
      }
      // undefined: from a caller in this process, absent in JSON.
      if (inner === null || inner === undefined) continue;
      const goPath = place.goPath === '' ? key : `${place.goPath}.${key}`;
      const decoded = this.#value(schema, inner, { struct, goPath, path });
      // An empty list of managed fields is a wish: see `src/api/managed-fields`.
      const omitted = isEmpty(decoded) && path !== 'metadata.managedFields';
      if (omitted && this.#schemas.omittedWhenEmpty(name).has(key)) continue;
      result[key] = decoded;
    }
    for (const [key, value] of this.#schemas.scalarDefaults(name)) result[key] ??= value;
    return result;
  }

  #value(schema: Schema, value: unknown, place: Place): unknown {
    if (schema.$ref !== undefined) return this.definition(schema.$ref, value, place);
    switch (schema.type) {
      case 'string':
        if (typeof value !== 'string') throw typeError(value, goType(schema), place);
        return schema.format === 'byte' ? decodeBase64(value) : value;
      case 'integer':
        return decodeInteger(value, schema, place);
      case 'number':
        if (typeof value !== 'number') throw typeError(value, goType(schema), place);
        return value;
      case 'boolean':
        if (typeof value !== 'boolean') throw typeError(value, goType(schema), place);
        return value;
      case 'array': {
        if (!Array.isArray(value)) throw typeError(value, goType(schema), place);
        const items = schema.items ?? {};
        return value.map((item, index) => this.#element(items, item, { ...place, path: `${place.path}[${index}]` }));
      }
      case 'object': {
        if (!schema.additionalProperties) return value;
        if (!isRecord(value)) throw typeError(value, goType(schema), place);
        const result: Record<string, unknown> = {};
        for (const [key, item] of Object.entries(value)) {
          if (item === undefined) continue;
          const decoded = this.#element(schema.additionalProperties, item, { ...place, path: `${place.path}.${key}` });
          setKey(result, key, decoded);
        }
        return result;
      }
      default:
        return value;
    }
  }

  /** null in a list or map is the zero value of its type. */
  #element(schema: Schema, value: unknown, place: Place): unknown {
    if (value !== null) return this.#value(schema, value, place);
    const resolved = this.#schemas.resolve(schema);
    if (schema.$ref === specialTypes.quantity) return '0';
    if (schema.$ref === specialTypes.intOrString) return 0;
    if (resolved.properties) return {};
    if (resolved.type === 'string') return schema.$ref === undefined ? '' : null;
    if (resolved.type === 'integer' || resolved.type === 'number') return 0;
    if (resolved.type === 'boolean') return false;
    return null;
  }
}

/** `__proto__` as a label key must become a key, not a prototype. */
function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function typeError(value: unknown, type: string, place: Place, literal = ''): DecodeError {
  const where = place.struct === '' ? 'value' : `struct field ${place.struct}.${place.goPath}`;
  return new DecodeError(`json: cannot unmarshal ${jsonKind(value)}${literal} into Go ${where} of type ${type}`);
}

function decodeInteger(value: unknown, schema: Schema, place: Place): number {
  const type = goType(schema);
  if (typeof value !== 'number') throw typeError(value, type, place);
  const limit = type === 'int32' ? 2 ** 31 : 2 ** 63;
  if (!Number.isInteger(value) || value < -limit || value >= limit) throw typeError(value, type, place, ` ${value}`);
  return value;
}

function decodeQuantity(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type resource.Quantity`);
  }
  try {
    return formatQuantity(parseQuantity(String(value).trim()));
  } catch (error) {
    throw new DecodeError((error as Error).message, { cause: error });
  }
}

function decodeIntOrString(value: unknown): string | number {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') {
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type int32`);
  }
  if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 31) {
    throw new DecodeError(`json: cannot unmarshal number ${value} into Go value of type int32`);
  }
  return value;
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:[.,](\d+))?(?:Z|[+-]\d{2}:\d{2})$/;

/** Seconds for `Time`, microseconds for `MicroTime`, both in UTC. */
function decodeTime(value: unknown, fractionDigits: 0 | 6): string {
  if (typeof value !== 'string') {
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`);
  }
  const match = rfc3339.exec(value);
  const timeMs = match ? Date.parse(value.replace(',', '.')) : Number.NaN;
  if (!match || Number.isNaN(timeMs)) {
    const layout = fractionDigits === 0 ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00';
    throw new DecodeError(`parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: not an RFC 3339 time`);
  }
  const seconds = new Date(timeMs).toISOString().slice(0, 19);
  const fraction = (match[1] ?? '').slice(0, fractionDigits).padEnd(fractionDigits, '0');
  return fractionDigits === 0 ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function decodeBase64(value: string): string {
  const text = value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]/g, '') : value;
  if (base64.test(text)) return text;
  const bad = text.search(/[^A-Za-z0-9+/=]/);
  throw new DecodeError(`illegal base64 data at input byte ${bad >= 0 ? bad : text.length - (text.length % 4)}`);
}
