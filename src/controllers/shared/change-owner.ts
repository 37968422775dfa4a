/** Adopting and releasing, guarded by uid and resourceVersion so that two owners never both win. */
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import { ApiError, isReason } from '../../api/status.ts';
import type { GroupVersionResource, TypedObject } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';

async function setOwners(
  client: ApiClient,
  resource: GroupVersionResource,
  object: TypedObject,
  ownerReferences: OwnerReference[],
): Promise<void> {
  const { namespace, name, uid, resourceVersion } = object.metadata!;
  const patch = { metadata: { uid, resourceVersion, ownerReferences } };
  await client.patch(resource, { namespace, name: name! }, 'merge', patch);
}

/** @throws ApiError `Conflict` when the owner is being deleted or was replaced: nothing may be adopted on its behalf. */
export async function assertOwnerLives(
  client: ApiClient,
  resource: GroupVersionResource,
  owner: TypedObject,
): Promise<void> {
  const { namespace, name, uid } = owner.metadata!;
  const fresh = await client.get(resource, { namespace, name: name! });
  if (fresh.metadata?.uid !== uid || fresh.metadata?.deletionTimestamp)
    throw new ApiError(
      'Conflict',
      `${resource.resource} "${namespace}/${name}" is gone or being deleted: it adopts no more`,
    );
}

export function adopt(
  client: ApiClient,
  resource: GroupVersionResource,
  object: TypedObject,
  reference: OwnerReference,
): Promise<void> {
  return setOwners(client, resource, object, [...(object.metadata?.ownerReferences ?? []), reference]);
}

/** An object that is gone needs no releasing. */
export async function release(
  client: ApiClient,
  resource: GroupVersionResource,
  object: TypedObject,
  ownerUid: string,
): Promise<void> {
  const rest = (object.metadata?.ownerReferences ?? []).filter(({ uid }) => uid !== ownerUid);
  try {
    await setOwners(client, resource, object, rest);
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
}
