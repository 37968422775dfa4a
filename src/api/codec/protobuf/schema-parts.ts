/**
 * Three types of CustomResourceDefinitions whose JSON is one of two things and whose message has a field for each:
 *
 *   JSONSchemaPropsOrArray         1 schema, 2 schemas          JSON: a schema, or a list of them
 *   JSONSchemaPropsOrBool          1 allows, 2 schema           JSON: a boolean, or a schema
 *   JSONSchemaPropsOrStringArray   1 schema, 2 property         JSON: a schema, or a list of texts
 */
import type { BinaryReader } from '@bufbuild/protobuf/wire';
import type { ValueWriter } from './encode.ts';

export const schemaType = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

const field1 = 0x0a;
const field2 = 0x12;
const allows = 0x08;

export function schemaPartEncoders(messageValue: (type: string) => ValueWriter): Readonly<Record<string, ValueWriter>> {
  return {
    schemaOrArray: (target, value) => {
      const write = messageValue(schemaType);
      const start = target.mark();
      if (Array.isArray(value)) {
        for (const item of value.toReversed()) {
          write(target, item);
          target.byte(field2);
        }
      } else if (value) {
        write(target, value);
        target.byte(field1);
      }
      target.length(start);
    },
    schemaOrBool: (target, value) => {
      const start = target.mark();
      if (value && typeof value === 'object') {
        messageValue(schemaType)(target, value);
        target.byte(field2);
      }
      target.byte(value ? 1 : 0);
      target.byte(allows);
      target.length(start);
    },
    schemaOrStrings: (target, value) => {
      const start = target.mark();
      if (Array.isArray(value)) {
        for (const item of value.toReversed()) {
          target.string(String(item));
          target.byte(field2);
        }
      } else if (value) {
        messageValue(schemaType)(target, value);
        target.byte(field1);
      }
      target.length(start);
    },
  };
}

/** The JSON value of one of the three; `schema` reads a nested message. */
export function readSchemaPart(type: string, reader: BinaryReader, schema: (bytes: Uint8Array) => object): unknown {
  const list: unknown[] = [];
  let one: unknown;
  let allowed: boolean | undefined;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (type === 'schemaOrBool') {
      if (number === 1) allowed = reader.bool();
      else if (number === 2) one = schema(reader.bytes());
      else reader.skip(wireType, number);
    } else if (number === 1) one = schema(reader.bytes());
    else if (number === 2) list.push(type === 'schemaOrArray' ? schema(reader.bytes()) : reader.string());
    else reader.skip(wireType, number);
  }
  if (one !== undefined) return one;
  return type === 'schemaOrBool' ? (allowed ?? false) : list;
}
