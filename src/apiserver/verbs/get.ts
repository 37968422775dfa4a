/** GET of one object, and of those subresources that show the object itself (status). */
import type { ApiCore } from '../core.ts';
import { readable } from '../custom-resources/stored-form.ts';
import { notFound } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { type ObjectRecord, recordOf } from '../object-record.ts';
import { awaitFreshness, readFreshness } from '../resource-version.ts';
import { authorize, findDefinition, type NamedTarget, resolve, storageNamespace } from '../target.ts';
import type { RequestContext } from '../types.ts';

export interface GetOptions {
  readonly resourceVersion?: string | undefined;
}

export async function getObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  options: GetOptions = {},
): Promise<ObjectRecord> {
  resolve(core, target, 'get');
  await authorize(core, context, target, 'get');
  return readObject(core, context, target, options);
}

/** Without authorization: for those who have authorized something else about the object. */
export async function readObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  options: GetOptions = {},
): Promise<ObjectRecord> {
  const definition = findDefinition(core, target);
  await awaitFreshness(core.store, readFreshness(options.resourceVersion), context.signal);
  const item = core.store.get(objectKey(definition, storageNamespace(definition, target), target.name));
  if (!item) throw notFound(definition, target.name);
  return readable(definition, recordOf(item));
}
