/** What every cluster has from its first moment, whoever made it. */
import { isReason } from '../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import { systemClasses } from './admission/priority.ts';
import { ensureDefaultPolicy } from './authorization/rbac/default-policy.ts';

const priorityClasses = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' };
const priorityClassKind = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Creates what is missing; called on the leader, as often as one begins to lead. @throws ApiError */
export async function ensureBootstrapObjects(client: ApiClient): Promise<void> {
  const ensure = async (resource: GroupVersionResource, object: TypedObject) => {
    try {
      await client.create(resource, object);
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error;
    }
  };
  await Promise.all([
    ...namespaces.map((name) =>
      ensure(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ),
    ...systemClasses.map((own) => ensure(priorityClasses, { ...priorityClassKind, ...own })),
  ]);
  await ensureDefaultPolicy(client);
}
