/** The body of a PATCH as a function from the stored object to the wanted one. */
import { type DecodedKind, parseBody } from '../api/codec/body.ts';
import { type PatchKind, patchKind, patchObject } from '../api/patch/apply.ts';
import { ApiError } from '../api/status.ts';
import type { KubernetesObject } from '../api/types.ts';
import type { PatchType } from '../client/types.ts';
import type { FieldValidation } from './body.ts';
import type { ApiCore } from './core.ts';
import type { RequestContext } from './types.ts';

export type PatchBody =
  | { readonly type: PatchType; readonly patch: unknown }
  | { readonly bytes: Uint8Array; readonly contentType: string | undefined; readonly fieldValidation: FieldValidation };

/** The function may be called more than once. @throws ApiError UnsupportedMediaType, BadRequest; so does the function, and Invalid */
export function decodePatch(
  core: ApiCore,
  expected: DecodedKind,
  body: PatchBody,
  context: RequestContext,
): (current: KubernetesObject) => KubernetesObject {
  const kind = kindOf(body);
  if (kind === 'strategic' && expected.custom) {
    throw new ApiError(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
  }
  if (kind === 'apply') throw new ApiError('UnsupportedMediaType', 'apply patches are not taken here');
  if ('patch' in body) {
    const parsed = { value: body.patch, duplicates: [] };
    const options = { fieldValidation: 'Ignore' } as const;
    return (current) => patchObject(core.schemas, expected, kind, current, parsed, options);
  }
  const { fieldValidation } = body;
  const parsed = parseBody(body.bytes, undefined, fieldValidation !== 'Ignore');
  const options = { fieldValidation, warn: context.warn };
  return (current) => patchObject(core.schemas, expected, kind, current, parsed, options);
}

/** @throws ApiError UnsupportedMediaType */
export function kindOf(body: PatchBody): PatchKind | 'apply' {
  return 'patch' in body ? body.type : patchKind(body.contentType);
}
