/** GET of a collection: whole or in pages, at the version that was asked for. */
import type { ResourceDefinition } from '../../api/definition.ts';
import { ApiError } from '../../api/status.ts';
import { StoreError } from '../../store/types.ts';
import { type ContinueToken, decodeContinue, encodeContinue, expiredContinue } from '../continue-token.ts';
import type { ApiCore } from '../core.ts';
import { readableAll } from '../custom-resources/stored-form.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { type ObjectFilter, objectFilter, type SelectorOptions } from '../object-filter.ts';
import { decodeShared, type ObjectRecord, recordOf } from '../object-record.ts';
import { awaitFreshness, type Freshness, listFreshness } from '../resource-version.ts';
import { fromStoreError } from '../store-errors.ts';
import { authorize, resolve, storageNamespace, type Target } from '../target.ts';
import type { RequestContext } from '../types.ts';

export interface ListRequest extends SelectorOptions {
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface ListedObjects {
  readonly definition: ResourceDefinition;
  readonly items: readonly ObjectRecord[];
  readonly revision: number;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

export async function listObjects(
  core: ApiCore,
  context: RequestContext,
  target: Target,
  request: ListRequest,
): Promise<ListedObjects> {
  const definition = resolve(core, target, 'list');
  await authorize(core, context, target, 'list', request.fieldSelector);
  return listAuthorized(core, context, definition, target, request);
}

export async function listAuthorized(
  core: ApiCore,
  context: RequestContext,
  definition: ResourceDefinition,
  target: Target,
  request: ListRequest,
): Promise<ListedObjects> {
  if (request.limit !== undefined && (!Number.isSafeInteger(request.limit) || request.limit < 0)) {
    throw new ApiError('BadRequest', `limit: Invalid value: ${request.limit}: must be a whole number, 0 or more`);
  }
  const filter = objectFilter(definition, request);
  const freshness = listFreshness(request);
  const token = request.continue ? decodeContinue(request.continue) : undefined;
  if (token && request.resourceVersion && request.resourceVersion !== '0') {
    throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  await awaitFreshness(core.store, token ? tokenFreshness(token) : freshness, context.signal);
  const revision = readRevision(core, freshness, token);
  const namespace = storageNamespace(definition, target);
  try {
    const single = filter.name !== undefined && (namespace !== undefined || !definition.namespaced);
    if (single && !token) {
      const item = core.store.get(objectKey(definition, namespace, filter.name!), revision);
      const found = item && (await view(definition, filter, [recordOf(item)]))[0];
      const items = found && filter.matches!(decodeShared(found)) ? [found] : [];
      return { definition, items, revision };
    }
    return await page(core, definition, namespace, revision, request.limit ?? 0, token?.after, filter);
  } catch (error) {
    if (token && error instanceof StoreError && error.code === 'compacted') throw expiredContinue(token.after);
    throw fromStoreError(error);
  }
}

/** A page may be asked of another replica than the one before it. */
function tokenFreshness(token: ContinueToken): Freshness {
  return token.revision === -1 ? { kind: 'linearizable' } : { kind: 'not-older-than', revision: token.revision };
}

function readRevision(core: ApiCore, freshness: Freshness, token: ContinueToken | undefined): number {
  if (token) return token.revision === -1 ? core.store.revision : token.revision;
  return freshness.kind === 'exact' ? freshness.revision : core.store.revision;
}

/** As the filter wants to look at them. */
async function view(
  definition: ResourceDefinition,
  { shown }: ObjectFilter,
  records: readonly ObjectRecord[],
): Promise<readonly ObjectRecord[]> {
  return shown ? readableAll(definition, records) : records;
}

async function page(
  core: ApiCore,
  definition: ResourceDefinition,
  namespace: string | undefined,
  revision: number,
  limit: number,
  after: string | undefined,
  filter: ObjectFilter,
): Promise<ListedObjects> {
  const { matches } = filter;
  const { key: prefix, end } = collectionRange(definition, namespace);
  // The next key after `after` in byte order is `after` with a zero byte.
  const start = after === undefined ? prefix : `${prefix}${after}\0`;
  // A selector decides how many keys fill a page, so only without one does the store know where to stop.
  const result = core.store.range({ key: start, end, revision, limit: matches ? 0 : limit });
  const items: ObjectRecord[] = [];
  const records = await view(definition, filter, result.items.map(recordOf));
  for (const [index, item] of result.items.entries()) {
    const record = records[index]!;
    if (matches && !matches(decodeShared(record))) continue;
    items.push(record);
    if (limit === 0 || items.length < limit) continue;
    const remainingItemCount = result.count - index - 1;
    if (remainingItemCount === 0) break;
    const token = encodeContinue({ revision, after: item.key.slice(prefix.length) });
    return { definition, items, revision, continue: token, ...(!matches && { remainingItemCount }) };
  }
  return { definition, items, revision };
}
