/** What every cluster has from its first moment, whoever made it. */
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import { ensureDefaultPolicy } from './authorization/rbac/default-policy.ts';

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Creates what is missing; called on the leader, as often as one begins to lead. @throws ApiError */
export async function ensureBootstrapObjects(client: ApiClient): Promise<void> {
  await Promise.all(
    namespaces.map(async (name) => {
      try {
        await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
      }
    }),
  );
  await ensureDefaultPolicy(client);
}
