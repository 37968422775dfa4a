/** Objects inside of objects (`x-kubernetes-embedded-resource`): their apiVersion, kind and metadata. */
import type { FieldError } from '../../definition.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1035Label, validPathSegment } from '../../meta/names.ts';
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts';
import { decodeBySchema } from '../../schema/decode.ts';
import { builtInSchemas } from '../../schema/schema.ts';
import type { ObjectMeta } from '../../types.ts';
import { childPath, isJsonObject, type JsonObject, type StructuralSchema, schemaOfKey } from './schema.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/**
 * Metadata as an ObjectMeta has it, in place, in every embedded object (and in `value` itself where `schema` says so). Adds the paths
 * of fields that no metadata has to `unknown`.
 *
 * @throws DecodeError
 */
export function coerceMetadata(
  value: unknown,
  schema: StructuralSchema | undefined,
  path: string,
  unknown: string[],
): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) coerceMetadata(item, schema.items, `${path}[${index}]`, unknown);
    return;
  }
  if (!isJsonObject(value)) return;
  if (schema['x-kubernetes-embedded-resource'] && value.metadata !== undefined) {
    const here = childPath(path, 'metadata');
    const decoded = decodeBySchema(builtInSchemas(), objectMeta, value.metadata ?? {});
    unknown.push(...decoded.unknownFields.map((field) => childPath(here, field)));
    value.metadata = decoded.value;
  }
  for (const [key, inner] of Object.entries(value)) {
    coerceMetadata(inner, schemaOfKey(schema, key), childPath(path, key), unknown);
  }
}

/** Of those below the root, whose own metadata is checked by the generic path. */
export function validateEmbedded(value: unknown, schema: StructuralSchema | undefined, path = ''): FieldError[] {
  if (!schema) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => validateEmbedded(item, schema.items, `${path}[${index}]`));
  }
  if (!isJsonObject(value)) return [];
  const own = schema['x-kubernetes-embedded-resource'] && path !== '' ? validateResource(value, path) : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, inner]) =>
      validateEmbedded(inner, schemaOfKey(schema, key), childPath(path, key)),
    ),
  ];
}

function validateResource(value: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['apiVersion', 'kind']) {
    const here = childPath(path, field);
    const given = value[field];
    if (!Object.hasOwn(value, field)) errors.push(fieldRequired(here));
    else if (typeof given !== 'string') errors.push(fieldInvalid(here, given, 'must be a string'));
    else if (given === '') errors.push(fieldInvalid(here, given, 'must not be empty'));
    else if (field === 'kind') {
      const problem = dns1035Label(given.toLowerCase());
      if (problem) {
        errors.push(fieldInvalid(here, given, `may have mixed case, but should otherwise match: ${problem}`));
      }
    } else if (given.split('/').length > 2) {
      errors.push(fieldInvalid(here, given, `unexpected GroupVersion string: ${given}`));
    }
  }
  const metadata = (value.metadata ?? {}) as ObjectMeta;
  const problem = metadata.name ? validPathSegment(metadata.name) : undefined;
  if (problem) errors.push(fieldInvalid(`${path}.metadata.name`, metadata.name, problem));
  return [
    ...errors,
    ...validateLabels(metadata.labels, `${path}.metadata.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.metadata.annotations`),
  ];
}
