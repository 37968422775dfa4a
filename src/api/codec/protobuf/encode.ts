/**
 * Objects as `application/vnd.kubernetes.protobuf`: byte for byte what Kubernetes' own generated code writes. Its rules are not those of proto3:
 *
 *   - fields in ascending order; every scalar and every message that is no pointer in Go is written, also when it is zero or empty
 *   - pointers, lists and maps are written when they are there; maps sorted by key, entries with both key and value; lists of numbers are not packed
 *   - a quantity is its text, a time is seconds and nanoseconds (the zero time: an empty message), free-form JSON is its text
 *
 * What is written is compiled once for each message type.
 */
import { assert } from '../../../lib/assert.ts';
import type { SchemaSet } from '../../schema/schema.ts';
import type { KubernetesObject } from '../../types.ts';
import { findMessage, type MessageField } from './messages.ts';
import { ReverseWriter } from './reverse-writer.ts';
import { schemaPartEncoders } from './schema-parts.ts';

type Fields = Record<string, unknown>;
type FieldWriter = (writer: ReverseWriter, object: Fields) => void;
export type ValueWriter = (writer: ReverseWriter, value: unknown) => void;

const magic = Buffer.from('k8s\0', 'latin1');
const nothing: Fields = Object.freeze({});
const writer = new ReverseWriter();

const lengthDelimited = 2;
const fixed64 = 1;

/** The whole answer: magic, envelope, object. @throws Error for a kind without a protobuf form */
export function encodeProtobuf(schemas: SchemaSet, object: KubernetesObject): Buffer {
  const { apiVersion = '', kind = '' } = object;
  const definition = schemas.definitionOfKind(apiVersion, kind);
  assert(definition !== undefined, 'no such kind', { apiVersion, kind });
  return encodeAs(definition, object);
}

/** As a message type that is known; `apiVersion` and `kind` of the object go into the envelope. */
export function encodeAs(definition: string, object: KubernetesObject): Buffer {
  return written(() => {
    envelopeEnd();
    messageWriter(definition)(writer, object);
    writer.length(emptyStrings);
    envelopeStart(object.apiVersion ?? '', object.kind ?? '');
  });
}

/** A message without envelope: an item of a list. */
export function encodeMessage(definition: string, object: object): Buffer {
  return written(() => messageWriter(definition)(writer, object as Fields));
}

/**
 * What stands before the items of a list, whose bytes together (with the tag and length of each, see {@link listItemHead}) are `itemsBytes`, and
 * what stands behind them.
 */
export function encodeListEnvelope(
  list: { readonly apiVersion: string; readonly kind: string; readonly metadata: object },
  itemsBytes: number,
): { readonly head: Buffer; readonly tail: Buffer } {
  const metadata = encodeMessage('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta', list.metadata);
  const head = written(() => {
    writer.bytes(metadata);
    writer.byte(tagOf(1));
    writer.varint(writer.mark() + itemsBytes);
    envelopeStart(list.apiVersion, list.kind);
  });
  return { head, tail: written(envelopeEnd) };
}

/** Tag and length of one item of a list. */
export function listItemHead(bytes: number): Buffer {
  return written(() => {
    writer.varint(bytes);
    writer.byte(tagOf(2));
  });
}

/** One frame of a watch: its length in four bytes, then a `WatchEvent` whose object is a whole answer of its own. */
export function watchFrameHead(type: string, objectBytes: number): Buffer {
  const head = written(() => {
    // Written backwards: RawExtension, its one field, then the event's two.
    writer.varint(objectBytes);
    writer.byte(tagOf(1));
    writer.varint(writer.mark() + objectBytes);
    writer.byte(tagOf(2));
    writer.string(type);
    writer.byte(tagOf(1));
  });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length + objectBytes);
  return Buffer.concat([length, head]);
}

function written(write: () => void): Buffer {
  try {
    write();
    return writer.finish();
  } catch (error) {
    writer.reset();
    throw error;
  }
}

/** Bytes of the two empty strings that end an envelope. */
const emptyStrings = 4;

/** `runtime.Unknown`: 3 contentEncoding and 4 contentType, which are always empty. */
function envelopeEnd(): void {
  for (const number of [4, 3]) {
    writer.byte(0);
    writer.byte(tagOf(number));
  }
}

/** The tag of the object's bytes (2), then the type (1), then the magic. */
function envelopeStart(apiVersion: string, kind: string): void {
  writer.byte(tagOf(2));
  const start = writer.mark();
  writer.string(kind);
  writer.byte(tagOf(2));
  writer.string(apiVersion);
  writer.byte(tagOf(1));
  writer.length(start);
  writer.byte(tagOf(1));
  writer.raw(magic);
}

function tagOf(number: number, wireType = lengthDelimited): number {
  return (number << 3) | wireType;
}

const messageWriters = new Map<string, FieldWriter>();

function messageWriter(definition: string): FieldWriter {
  let write = messageWriters.get(definition);
  if (!write) {
    const message = findMessage(definition);
    assert(message, 'no protobuf form is known', { definition });
    const fields = [...message].sort(([a], [b]) => b - a);
    // Compiled when it is first used: types may contain themselves.
    let compiled: readonly FieldWriter[] | undefined;
    write = (target, object) => {
      compiled ??= fields.map(([number, field]) => fieldWriter(number, field));
      for (const one of compiled) one(target, object);
    };
    messageWriters.set(definition, write);
  }
  return write;
}

function fieldWriter(number: number, field: MessageField): FieldWriter {
  const { jsonName: name, type } = field;
  const { write, wireType, zero } = valueWriter(type);
  const tag = tagOf(number, wireType);
  if (field.map) return mapWriter(name, tag, type);
  if (field.repeated) {
    return (target, object) => {
      const list = object[name] as readonly unknown[] | null | undefined;
      if (!list) return;
      for (let index = list.length - 1; index >= 0; index--) {
        write(target, list[index] ?? zero);
        target.varint(tag);
      }
    };
  }
  if (field.inline) {
    return (target, object) => {
      write(target, object);
      target.varint(tag);
    };
  }
  // Bytes and free-form JSON are nil when they are absent, whatever else they are.
  if (field.pointer || type === 'bytes') {
    return (target, object) => {
      const value = object[name];
      if (value === undefined || value === null) return;
      write(target, value);
      target.varint(tag);
    };
  }
  return (target, object) => {
    write(target, object[name] ?? zero);
    target.varint(tag);
  };
}

function mapWriter(name: string, tag: number, type: string): FieldWriter {
  const { write, wireType, zero } = valueWriter(type);
  const valueTag = tagOf(2, wireType);
  const keyTag = tagOf(1);
  return (target, object) => {
    const map = object[name] as Fields | null | undefined;
    if (!map) return;
    const keys = Object.keys(map).sort();
    for (let index = keys.length - 1; index >= 0; index--) {
      const key = keys[index]!;
      const start = target.mark();
      write(target, map[key] ?? zero);
      target.byte(valueTag);
      target.string(key);
      target.byte(keyTag);
      target.length(start);
      target.varint(tag);
    }
  };
}

interface Compiled {
  readonly write: ValueWriter;
  readonly wireType: number;
  /** What stands for an absent value of a field that is always written. */
  readonly zero: unknown;
}

function valueWriter(type: string): Compiled {
  switch (type) {
    case 'string':
      return { write: (target, value) => target.string(value as string), wireType: lengthDelimited, zero: '' };
    case 'bool':
      return { write: (target, value) => target.byte(value ? 1 : 0), wireType: 0, zero: false };
    case 'int':
      return { write: (target, value) => target.varint(value as number), wireType: 0, zero: 0 };
    case 'double':
      return { write: (target, value) => target.double(value as number), wireType: fixed64, zero: 0 };
    case 'bytes':
      return {
        write: (target, value) => target.bytes(Buffer.from(value as string, 'base64')),
        wireType: lengthDelimited,
        zero: '',
      };
    case 'quantity':
      return { write: writeText, wireType: lengthDelimited, zero: '0' };
    case 'intOrString':
      return { write: writeIntOrString, wireType: lengthDelimited, zero: 0 };
    case 'time':
    case 'microTime':
      return { write: writeTime, wireType: lengthDelimited, zero: '' };
    case 'json':
      return { write: writeJson, wireType: lengthDelimited, zero: undefined };
    default:
  }
  const part = schemaPartEncoders(messageValue)[type];
  if (part) return { write: part, wireType: lengthDelimited, zero: undefined };
  if (type.startsWith('list:'))
    return { write: listValue(type.slice('list:'.length)), wireType: lengthDelimited, zero: [] };
  return { write: messageValue(type), wireType: lengthDelimited, zero: nothing };
}

function messageValue(type: string): ValueWriter {
  const write = messageWriter(type);
  return (target, value) => {
    const start = target.mark();
    write(target, value as Fields);
    target.length(start);
  };
}

/** A message whose field 1 repeats the list. */
function listValue(type: string): ValueWriter {
  const { write, wireType, zero } = valueWriter(type);
  const tag = tagOf(1, wireType);
  return (target, value) => {
    const start = target.mark();
    const list = value as readonly unknown[];
    for (let index = list.length - 1; index >= 0; index--) {
      write(target, list[index] ?? zero);
      target.byte(tag);
    }
    target.length(start);
  };
}

/** A message whose field 1 is a text. */
function writeText(target: ReverseWriter, value: unknown): void {
  const start = target.mark();
  target.string(String(value));
  target.byte(tagOf(1));
  target.length(start);
}

function writeJson(target: ReverseWriter, value: unknown): void {
  if (value === undefined || value === null) target.byte(0);
  else writeText(target, JSON.stringify(value));
}

function writeIntOrString(target: ReverseWriter, value: unknown): void {
  const start = target.mark();
  const isText = typeof value === 'string';
  target.string(isText ? value : '');
  target.byte(tagOf(3));
  target.varint(isText ? 0 : (value as number));
  target.byte(tagOf(2, 0));
  target.byte(isText ? 1 : 0);
  target.byte(tagOf(1, 0));
  target.length(start);
}

const microseconds = /\.(\d{1,9})/;

function writeTime(target: ReverseWriter, value: unknown): void {
  if (value === '') {
    target.byte(0);
    return;
  }
  const text = value as string;
  const fraction = microseconds.exec(text)?.[1];
  const start = target.mark();
  target.varint(fraction === undefined ? 0 : Number(fraction.padEnd(9, '0')));
  target.byte(tagOf(2, 0));
  target.varint(Math.floor(Date.parse(text) / 1000));
  target.byte(tagOf(1, 0));
  target.length(start);
}
