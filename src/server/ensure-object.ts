import { isReason } from '../api/status.ts';
import type { GroupVersionResource, TypedObject } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';

/**
 * The object as it is, made when it is missing. It is looked for first: a second Service with an address of its own choice is not refused for its
 * name, but for the address. @throws ApiError
 */
export async function ensureObject<T extends TypedObject>(
  client: ApiClient,
  resource: GroupVersionResource,
  wanted: T,
): Promise<T> {
  const key = { namespace: wanted.metadata?.namespace, name: wanted.metadata!.name! };
  try {
    return await client.get<T>(resource, key);
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
  try {
    return await client.create<T>(resource, wanted);
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error;
    return client.get<T>(resource, key);
  }
}
