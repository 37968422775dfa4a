/** PATCH bodies of every kind, applied to an object and decoded again. */
import { type DecodedKind, type DecodeOptions, decodeValue, type ParsedBody } from '../codec/body.ts';
import { fieldInvalid, invalid } from '../meta/field-error.ts';
import type { SchemaSet } from '../schema/schema.ts';
import { ApiError } from '../status.ts';
import type { KubernetesObject } from '../types.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch, isRecord } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

/** `json` RFC 6902, `merge` RFC 7386, `strategic` Kubernetes' own. */
export type PatchKind = 'json' | 'merge' | 'strategic';

/** Beside these, `apply`, which is no function of the object alone. */
const mediaTypes: Readonly<Record<string, PatchKind | 'apply'>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** @throws ApiError UnsupportedMediaType */
export function patchKind(contentType: string | undefined): PatchKind | 'apply' {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const kind = mediaTypes[type];
  if (kind) return kind;
  const accepted = Object.keys(mediaTypes).join(', ');
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );
}

/** How much of a wrong patch an error message repeats. */
const maxShownLength = 4096;

/**
 * A new object: `object` with the patch applied, decoded by the kind's schema (unknown fields dropped, told or refused as
 * `options` say). `object` is not changed.
 *
 * @throws ApiError BadRequest or Invalid, with the field `patch` where the outcome is no object of this kind.
 */
export function patchObject(
  schemas: SchemaSet,
  definition: DecodedKind,
  kind: PatchKind,
  object: KubernetesObject,
  patch: ParsedBody,
  options: DecodeOptions,
): KubernetesObject {
  const patched = applyRaw(schemas, definition.schema, kind, object, patch.value);
  try {
    return decodeValue(schemas, definition, { value: patched, duplicates: patch.duplicates }, options);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const shown = JSON.stringify(patch.value).slice(0, maxShownLength);
    const prefix = `${definition.kind} in version "${definition.version}" cannot be handled as a ${definition.kind}: `;
    // Another kind or version: told as for any body.
    if (!error.message.startsWith(prefix)) throw error;
    const detail = error.message.slice(prefix.length);
    throw invalid({ group: '', kind: '' }, '', [fieldInvalid('patch', shown, detail)]);
  }
}

function applyRaw(schemas: SchemaSet, schema: string, kind: PatchKind, object: unknown, patch: unknown): unknown {
  switch (kind) {
    case 'json':
      return applyJsonPatch(object, patch);
    case 'merge':
      if (!isRecord(patch)) throw new ApiError('BadRequest', 'a merge patch must be an object');
      return applyMergePatch(object, patch);
    case 'strategic':
      return applyStrategicMergePatch(schemas, schema, object, patch);
  }
}
