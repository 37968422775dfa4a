/**
 * Request bodies of `application/vnd.kubernetes.protobuf`: the magic `k8s\0`, then a `runtime.Unknown` (field 1 type, 2 the object's own bytes), turned into
 * the value that the same object has as JSON. kubectl 1.32 and later writes built-in kinds this way and knows no fallback.
 *
 * Go writes scalars that are no pointers even when they are zero; those are dropped, as its JSON encoder would, unless the schema requires them.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { SchemaSet } from '../../schema/schema.ts';
import { findMessage, type MessageField } from './messages.ts';
import { readSchemaPart, schemaType } from './schema-parts.ts';

const magic = Buffer.from('k8s\0', 'latin1');
/** As for JSON bodies: no kind needs more, and recursion must have a bound. */
const maxDepth = 100;

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

type JsonObject = Record<string, unknown>;

/** The value that the body would have as JSON. @throws ProtobufError */
export function decodeProtobuf(schemas: SchemaSet, bytes: Uint8Array): JsonObject {
  if (bytes.length < magic.length || !magic.equals(bytes.subarray(0, magic.length))) {
    throw new ProtobufError('the body does not start with the bytes "k8s\\0"');
  }
  try {
    const envelope = readEnvelope(bytes.subarray(magic.length));
    const definition = schemas.definitionOfKind(envelope.apiVersion, envelope.kind);
    if (definition === undefined) {
      throw new ProtobufError(`no kind "${envelope.kind}" is registered for version "${envelope.apiVersion}"`);
    }
    const value = readMessage(schemas, definition, new BinaryReader(envelope.raw), 0);
    return { apiVersion: envelope.apiVersion, kind: envelope.kind, ...value };
  } catch (error) {
    if (error instanceof ProtobufError) throw error;
    throw new ProtobufError(`the body is not valid protobuf: ${(error as Error).message}`, { cause: error });
  }
}

function readEnvelope(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const result = { apiVersion: '', kind: '', raw: new Uint8Array() as Uint8Array };
  eachField(new BinaryReader(bytes), (number, wireType, reader) => {
    if (number === 1) {
      eachField(new BinaryReader(reader.bytes()), (inner, innerType, typeMeta) => {
        if (inner === 1) result.apiVersion = typeMeta.string();
        else if (inner === 2) result.kind = typeMeta.string();
        else typeMeta.skip(innerType, inner);
      });
    } else if (number === 2) result.raw = reader.bytes();
    else reader.skip(wireType, number);
  });
  return result;
}

function eachField(
  reader: BinaryReader,
  read: (number: number, wireType: WireType, reader: BinaryReader) => void,
): void {
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    read(number, wireType, reader);
  }
}

function readMessage(schemas: SchemaSet, name: string, reader: BinaryReader, depth: number): JsonObject {
  if (depth > maxDepth) throw new ProtobufError(`the object is nested deeper than ${maxDepth} levels`);
  const message = findMessage(name);
  if (!message) throw new ProtobufError(`no protobuf form is known of ${name}`);
  const result: JsonObject = {};
  eachField(reader, (number, wireType) => {
    const field = message.get(number);
    if (!field) reader.skip(wireType, number);
    else if (field.map) readMapEntry(schemas, field, reader, result, depth);
    else if (field.repeated) readElement(schemas, field, wireType, reader, result, depth);
    else {
      const value = readValue(schemas, field.type, reader, depth);
      if (field.inline) Object.assign(result, value);
      else if (value !== undefined && (field.pointer || !isZero(value) || isRequired(schemas, name, field))) {
        result[field.jsonName] = value;
      }
    }
  });
  return result;
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

function isRequired(schemas: SchemaSet, definition: string, field: MessageField): boolean {
  return schemas.definitions.get(definition)?.required?.includes(field.jsonName) ?? false;
}

function readElement(
  schemas: SchemaSet,
  field: MessageField,
  wireType: WireType,
  reader: BinaryReader,
  into: JsonObject,
  depth: number,
): void {
  into[field.jsonName] ??= [];
  const list = into[field.jsonName] as unknown[];
  if (wireType === WireType.LengthDelimited && field.type === 'int') {
    const packed = new BinaryReader(reader.bytes());
    while (packed.pos < packed.len) list.push(readValue(schemas, field.type, packed, depth));
  } else list.push(readValue(schemas, field.type, reader, depth));
}

function readMapEntry(
  schemas: SchemaSet,
  field: MessageField,
  reader: BinaryReader,
  into: JsonObject,
  depth: number,
): void {
  into[field.jsonName] ??= {};
  let key = '';
  let value: unknown;
  eachField(new BinaryReader(reader.bytes()), (number, wireType, entry) => {
    if (number === 1) key = entry.string();
    else if (number === 2) value = readValue(schemas, field.type, entry, depth);
    else entry.skip(wireType, number);
  });
  // Not an assignment: a key named __proto__ must be a key like any other.
  Object.defineProperty(into[field.jsonName], key, {
    value: value ?? emptyValue(field.type),
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function emptyValue(type: string): unknown {
  if (type.startsWith('list:')) return [];
  return type === 'string' || type === 'bytes'
    ? ''
    : type === 'int' || type === 'double'
      ? 0
      : type === 'bool'
        ? false
        : {};
}

function readValue(schemas: SchemaSet, type: string, reader: BinaryReader, depth: number): unknown {
  switch (type) {
    case 'string':
      return reader.string();
    case 'bool':
      return reader.bool();
    case 'int':
      return Number(reader.int64());
    case 'double':
      return reader.double();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'quantity':
      return readFields(reader).get(1) ?? '0';
    case 'intOrString': {
      const fields = readFields(reader);
      return fields.get(1) === 1 ? (fields.get(3) ?? '') : (fields.get(2) ?? 0);
    }
    case 'time':
      return readTime(reader, 0);
    case 'microTime':
      return readTime(reader, 6);
    case 'json': {
      const text = readFields(reader).get(1);
      return text === undefined || text === '' ? undefined : JSON.parse(text as string);
    }
    case 'schemaOrArray':
    case 'schemaOrBool':
    case 'schemaOrStrings':
      return readSchemaPart(type, new BinaryReader(reader.bytes()), (bytes) =>
        readMessage(schemas, schemaType, new BinaryReader(bytes), depth + 1),
      );
    default: {
      const inner = new BinaryReader(reader.bytes());
      if (!type.startsWith('list:')) return readMessage(schemas, type, inner, depth + 1);
      const list: unknown[] = [];
      eachField(inner, (number, wireType) => {
        if (number === 1) list.push(readValue(schemas, type.slice('list:'.length), inner, depth + 1));
        else inner.skip(wireType, number);
      });
      return list;
    }
  }
}

/** The fields of a small message of scalars: varints as numbers, everything else as text. */
function readFields(reader: BinaryReader): Map<number, string | number> {
  const fields = new Map<number, string | number>();
  eachField(new BinaryReader(reader.bytes()), (number, wireType, inner) => {
    if (wireType === WireType.Varint) fields.set(number, Number(inner.int64()));
    else if (wireType === WireType.LengthDelimited) fields.set(number, inner.string());
    else inner.skip(wireType, number);
  });
  return fields;
}

/** RFC 3339 with so many decimals of a second. The zero time is an empty message and has no value. */
function readTime(reader: BinaryReader, decimals: number): string | undefined {
  const fields = readFields(reader);
  if (fields.size === 0) return undefined;
  const seconds = fields.get(1) ?? 0;
  const nanos = fields.get(2) ?? 0;
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) throw new ProtobufError(`a time of ${seconds} seconds is out of range`);
  const fraction = decimals === 0 ? '' : `.${String(nanos).padStart(9, '0').slice(0, decimals)}`;
  return date.toISOString().replace(/\.\d+Z$/, `${fraction}Z`);
}
