/** Request bodies: bytes and Content-Type → parsed value; value → object of an expected kind. */
import type { ResourceDefinition } from '../definition.ts';
import { fieldInvalid, invalid } from '../meta/field-error.ts';
import { type Decoded, DecodeError, decodeBySchema } from '../schema/decode.ts';
import { builtInSchemas, type SchemaSet } from '../schema/schema.ts';
import { ApiError } from '../status.ts';
import { apiVersionOf, type GroupVersionKind, type KubernetesObject } from '../types.ts';
import { findDuplicateJsonFields } from './json-duplicates.ts';
import { acceptedMediaTypes, bodyFormat } from './media-type.ts';
import { decodeProtobuf, ProtobufError } from './protobuf/decode.ts';
import { parseYaml } from './yaml.ts';

/** Query parameter `fieldValidation`; absent means Warn. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface ParsedBody {
  readonly value: unknown;
  /** Paths of repeated keys. Empty when not asked for. */
  readonly duplicates: readonly string[];
  /** Of YAML: the same, by line. */
  readonly duplicateLines?: readonly string[] | undefined;
}

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  /** Takes what `Warn` has to say, one call per field. */
  readonly warn?: ((message: string) => void) | undefined;
}

/** What decoding needs to know of a kind. */
export type DecodedKind = Pick<ResourceDefinition, 'group' | 'version' | 'kind' | 'schema' | 'custom'>;

/** Deeper nesting is refused: no kind needs it, and recursion must have a bound. */
const maxDepth = 200;

/** @throws ApiError UnsupportedMediaType or BadRequest. */
export function parseBody(bytes: Uint8Array, contentType: string | undefined, findDuplicates: boolean): ParsedBody {
  const format = bodyFormat(contentType);
  if (format === undefined) {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${acceptedMediaTypes.join(', ')}`,
    );
  }
  if (format === 'protobuf') {
    try {
      return { value: decodeProtobuf(builtInSchemas(), bytes), duplicates: [] };
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      throw new ApiError('BadRequest', `cannot decode the protobuf body: ${error.message}`, undefined, {
        cause: error,
      });
    }
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (format === 'yaml') {
    try {
      const parsed = parseYaml(text);
      checkDepth(parsed.value);
      return parsed;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ApiError('BadRequest', `error converting YAML to JSON: ${(error as Error).message}`, undefined, {
        cause: error,
      });
    }
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApiError(
      'BadRequest',
      `couldn't get version/kind; json parse error: ${(error as Error).message}`,
      undefined,
      { cause: error },
    );
  }
  checkDepth(value);
  return { value, duplicates: findDuplicates ? findDuplicateJsonFields(text) : [] };
}

/** Parses and decodes a body into an object of the kind that this path takes. @throws ApiError */
export function decodeBody(
  schemas: SchemaSet,
  definition: DecodedKind,
  bytes: Uint8Array,
  contentType: string | undefined,
  options: DecodeOptions,
): KubernetesObject {
  if (definition.custom && bodyFormat(contentType) === 'protobuf') {
    throw new ApiError(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    );
  }
  const parsed = parseBody(bytes, contentType, options.fieldValidation !== 'Ignore');
  return decodeValue(schemas, definition, parsed, options);
}

/**
 * Decodes a parsed value into an object of the expected kind. A missing apiVersion or kind is filled in, another one refused.
 *
 * @throws ApiError BadRequest: wrong kind, wrong types, or, when strict, unknown or repeated fields.
 */
export function decodeValue(
  schemas: SchemaSet,
  expected: DecodedKind,
  parsed: ParsedBody,
  options: DecodeOptions,
): KubernetesObject {
  const apiVersion = apiVersionOf(expected);
  const given = parsed.value as { apiVersion?: unknown; kind?: unknown } | null;
  const isObject = given !== null && typeof given === 'object' && !Array.isArray(given);
  if (isObject) {
    const givenVersion = given.apiVersion || apiVersion;
    const givenKind = given.kind || expected.kind;
    if (givenVersion !== apiVersion) {
      const message = `the API version in the data (${textOf(givenVersion)}) does not match the expected API version (${apiVersion})`;
      throw new ApiError('BadRequest', message);
    }
    if (givenKind !== expected.kind) {
      const kind = textOf(givenKind);
      if (expected.custom) {
        const { name } = (parsed.value as { metadata?: { name?: unknown } }).metadata ?? {};
        const shown = typeof name === 'string' ? name : '';
        throw invalid(expected, shown, [fieldInvalid('kind', kind, `must be ${expected.kind}`)]);
      }
      throw cannotBeHandled(kind, expected, `no kind "${kind}" is taken here`);
    }
  }
  let decoded: Decoded;
  try {
    decoded = expected.custom
      ? expected.custom.decode(parsed.value)
      : decodeBySchema(schemas, expected.schema, parsed.value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw cannotBeHandled(expected.kind, expected, error.message, error);
  }
  const problems = strictProblems(parsed, decoded);
  if (problems.length > 0 && options.fieldValidation === 'Strict') {
    throw cannotBeHandled(expected.kind, expected, `strict decoding error: ${problems.join(', ')}`);
  }
  if (options.fieldValidation === 'Warn') for (const problem of problems) options.warn?.(problem);
  return { ...decoded.value, apiVersion, kind: expected.kind };
}

/** What is no text may not even be convertible to one (`{"toString": 1}`). */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `unknown field "spec.foo"`, `duplicate field "spec.bar"`. */
export function strictProblems(parsed: ParsedBody, decoded: Decoded): string[] {
  return [
    ...decoded.unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`),
    ...parsed.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ];
}

function cannotBeHandled(kind: string, expected: GroupVersionKind, why: string, cause?: unknown): ApiError {
  const message = `${kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: ${why}`;
  return new ApiError('BadRequest', message, undefined, { cause });
}

function checkDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw new ApiError('BadRequest', `the body is nested more than ${maxDepth} levels deep`);
    const next: unknown[] = [];
    for (const item of level) {
      if (item === null || typeof item !== 'object') continue;
      for (const inner of Array.isArray(item) ? item : Object.values(item)) {
        if (inner !== null && typeof inner === 'object') next.push(inner);
      }
    }
    level = next;
  }
}
