/** PATCH of an object or of a subresource that is a view of it: JSON patch, merge patch, strategic merge patch. */
import type { WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodePatch, type PatchBody } from '../decode-patch.ts';
import { decodeFresh, type ObjectRecord } from '../object-record.ts';
import { fromStored, toStored } from '../served-form.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';
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
  const patch = decodePatch(core, definition, body, context);
  return replaceObject(core, context, target, definition, options, (current) =>
    toStored(definition, patch(fromStored(definition, decodeFresh(current)))),
  );
}
