/**
 * OpenAPI v2 in protobuf, for kubectl 1.28 and older, which refuse to apply and to explain without it. Only what they read of it: the definitions
 * (with kinds and patch strategies), and the query parameters of PATCH operations. Field numbers are those of gnostic's OpenAPIv2.proto:
 *
 *   Document     1 swagger  2 info  8 paths  9 definitions        Info         1 title  2 version
 *   Paths        2 path (name, item)                              PathItem     8 patch
 *   Operation    8 parameters  13 extensions                      Definitions  1 (name, schema)
 *   Schema       1 $ref  2 format  19 required  21 additionalProperties  22 type  23 items  25 properties  31 extensions
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Schema, SchemaSet } from '../../api/schema/schema.ts';

/** As clients ask for it. */
export const openApiV2MediaType = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
/** As it is answered: an `@` is not allowed in a Content-Type, and Go refuses to read it. */
export const openApiV2ContentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** What clients of PATCH may send; `fieldValidation` is what they look for. */
const patchQueryParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'];

/** A patchable resource: its path, and the kind behind it. */
export interface PatchablePath {
  readonly path: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
}

type Fill = (writer: BinaryWriter) => void;

function message(writer: BinaryWriter, field: number, fill: Fill): void {
  writer.tag(field, 2).fork();
  fill(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, 2).string(value);
}

export function encodeOpenApiV2(schemas: SchemaSet, paths: readonly PatchablePath[], version: string): Buffer {
  const writer = new BinaryWriter();
  text(writer, 1, '2.0');
  message(writer, 2, (info) => {
    text(info, 1, 'Kubernetes');
    text(info, 2, version);
  });
  message(writer, 8, (all) => {
    for (const path of paths) message(all, 2, (named) => patchPath(named, path));
  });
  message(writer, 9, (all) => {
    for (const [name, schema] of schemas.definitions) namedSchema(all, 1, name, schema);
  });
  return Buffer.from(writer.finish());
}

function patchPath(writer: BinaryWriter, { path, kind }: PatchablePath): void {
  text(writer, 1, path);
  message(writer, 2, (item) => {
    message(item, 8, (operation) => {
      for (const name of patchQueryParameters) {
        // ParametersItem.parameter → Parameter.non_body_parameter → NonBodyParameter.query_parameter_sub_schema
        message(operation, 8, (one) =>
          message(one, 1, (parameter) =>
            message(parameter, 2, (nonBody) =>
              message(nonBody, 3, (query) => {
                text(query, 2, 'query');
                text(query, 4, name);
                text(query, 6, name === 'force' ? 'boolean' : 'string');
              }),
            ),
          ),
        );
      }
      extension(operation, 13, 'x-kubernetes-group-version-kind', kind);
    });
  });
}

function namedSchema(writer: BinaryWriter, field: number, name: string, schema: Schema): void {
  message(writer, field, (named) => {
    text(named, 1, name);
    message(named, 2, (value) => writeSchema(value, schema));
  });
}

function writeSchema(writer: BinaryWriter, schema: Schema): void {
  if (schema.$ref !== undefined) text(writer, 1, `#/definitions/${schema.$ref}`);
  if (schema.format !== undefined) text(writer, 2, schema.format);
  for (const name of schema.required ?? []) text(writer, 19, name);
  if (schema.additionalProperties) {
    const inner = schema.additionalProperties;
    message(writer, 21, (item) => message(item, 1, (value) => writeSchema(value, inner)));
  }
  // Version 2 has no oneOf: quantities and the like are strings there.
  const type = schema.type ?? (schema.oneOf ? 'string' : undefined);
  if (type !== undefined) message(writer, 22, (item) => text(item, 1, type));
  if (schema.items) {
    const inner = schema.items;
    message(writer, 23, (item) => message(item, 1, (value) => writeSchema(value, inner)));
  }
  if (schema.properties) {
    const properties = Object.entries(schema.properties);
    message(writer, 25, (all) => {
      for (const [name, inner] of properties) namedSchema(all, 1, name, inner);
    });
  }
  for (const [name, value] of Object.entries(schema)) {
    if (name.startsWith('x-kubernetes-')) extension(writer, 31, name, value);
  }
}

/** NamedAny: its value is YAML, of which JSON is a part. */
function extension(writer: BinaryWriter, field: number, name: string, value: unknown): void {
  message(writer, field, (named) => {
    text(named, 1, name);
    message(named, 2, (any) => text(any, 2, JSON.stringify(value)));
  });
}
