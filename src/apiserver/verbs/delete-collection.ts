/** DELETE of a collection: lists, then deletes one by one, a bounded number at a time. */
import { isReason } from '../../api/status.ts';
import type { ApiCore } from '../core.ts';
import { decodeShared, type ObjectRecord } from '../object-record.ts';
import { authorize, resolve, type Target } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { type DeleteOptions, deleteAuthorized } from './delete.ts';
import { type ListedObjects, type ListRequest, listAuthorized } from './list.ts';

/** Deletions in flight: their writes share rounds of consensus. */
const maxParallelDeletions = 64;

/** Returns what was listed, as upstream does. */
export async function deleteCollection(
  core: ApiCore,
  context: RequestContext,
  target: Target,
  list: ListRequest,
  options: DeleteOptions = {},
): Promise<ListedObjects> {
  const definition = resolve(core, target, 'deletecollection');
  await authorize(core, context, target, 'deletecollection', list.fieldSelector);
  const listed = await listAuthorized(core, context, definition, target, list);
  const pending: ObjectRecord[] = [...listed.items].reverse();
  const worker = async () => {
    for (let record = pending.pop(); record; record = pending.pop()) {
      const { name = '', namespace, uid } = decodeShared(record).metadata ?? {};
      const preconditions = { uid, ...options.preconditions };
      try {
        await deleteAuthorized(core, context, definition, namespace, name, { ...options, preconditions });
      } catch (error) {
        // Gone, or another object by now: either way what was listed is no more.
        if (!isReason(error, 'NotFound') && !(isReason(error, 'Conflict') && !options.preconditions)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallelDeletions, pending.length) }, worker));
  return listed;
}
