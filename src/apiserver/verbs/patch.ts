/** PATCH of an object or of a subresource that is a view of it: JSON patch, merge patch, strategic merge patch, apply. */
import { fieldForbidden, invalid } from '../../api/meta/field-error.ts';
import type { WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodePatch, kindOf, type PatchBody } from '../decode-patch.ts';
import { checkFieldManager } from '../managed-fields.ts';
import { decodeFresh, type ObjectRecord } from '../object-record.ts';
import { fromStored, toStored } from '../served-form.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { applyObject } from './apply.ts';
import { replaceObject } from './update.ts';

export async function patchObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: PatchBody,
  options: WriteRequestOptions = {},
): Promise<ObjectRecord> {
  const definition = resolve(core, target, 'patch');
  await authorize(core, context, target, 'patch');
  if (kindOf(body) === 'apply') return applyObject(core, context, target, definition, body, options);
  checkPatchOptions(options);
  const patch = decodePatch(core, definition, body, context);
  return replaceObject(core, context, target, definition, options, (current) =>
    toStored(definition, patch(fromStored(definition, decodeFresh(current)))),
  );
}

/** Of a patch that is no apply. @throws ApiError Invalid */
export function checkPatchOptions(options: WriteRequestOptions): void {
  if (options.force !== undefined) {
    const error = fieldForbidden('force', 'may not be specified for non-apply patch');
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [error]);
  }
  checkFieldManager('PatchOptions', options.fieldManager);
}
