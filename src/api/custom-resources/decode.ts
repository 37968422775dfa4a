/** From parsed JSON to a custom resource: metadata as of any object, the rest as far as the schema knows it. */
import { type Decoded, DecodeError } from '../schema/decode.ts';
import { jsonKind } from '../schema/go-type.ts';
import { coerceMetadata } from './schema/embedded.ts';
import { prune } from './schema/prune.ts';
import { isJsonObject, type StructuralSchema } from './schema/schema.ts';

/** The result shares nothing with the input. @throws DecodeError */
export function decodeCustomResource(value: unknown, schema: StructuralSchema): Decoded {
  if (!isJsonObject(value)) {
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
  }
  const object = withoutUndefined(value) as Record<string, unknown>;
  const unknown: string[] = [];
  const resource = { ...schema, 'x-kubernetes-embedded-resource': true };
  coerceMetadata(object, resource, '', unknown);
  unknown.push(...prune(object, schema));
  return { value: object, unknownFields: unknown.sort() };
}

/** A copy. From a caller in this process: undefined is absent in JSON. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUndefined(item ?? null));
  if (value === null || typeof value !== 'object') return value;
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const copied = withoutUndefined(inner);
    if (key === '__proto__') {
      Object.defineProperty(copy, key, { value: copied, enumerable: true, configurable: true, writable: true });
    } else copy[key] = copied;
  }
  return copy;
}
