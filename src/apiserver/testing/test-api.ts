/** A ResourceApi on the real store with consensus of one, for tests; with the namespace `default`. */
import type { KubernetesObject } from '../../api/types.ts';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import { systemClock } from '../../lib/clock.ts';
import { createServiceAccountKey } from '../../pki/service-account-key.ts';
import { createMemoryStore } from '../../store/testing/memory-proposer.ts';
import { parseServiceAccountKeys } from '../authentication/service-account-keys.ts';
import { ServiceAccountTokens } from '../authentication/service-account-tokens.ts';
import { ensureBootstrapObjects } from '../bootstrap.ts';
import { createLocalClient } from '../local-client.ts';
import { ResourceApi, type ResourceApiOptions } from '../resource-api.ts';
import type { UserInfo } from '../types.ts';

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export function nodeUser(name: string): UserInfo {
  return { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
}

/** `policy`: with the namespaces, default roles and bindings of every cluster. */
export async function createTestApi({
  policy = false,
  ...options
}: Partial<ResourceApiOptions> & { policy?: boolean } = {}) {
  const { store, proposer } = createMemoryStore();
  const tokens = new ServiceAccountTokens({
    keys: parseServiceAccountKeys(createServiceAccountKey(), 'test'),
    issuer: 'https://kubernetes.default.svc.cluster.local',
    store,
    clock: options.clock ?? systemClock,
  });
  const api = new ResourceApi({ store, tokens, ...options });
  const client: ApiClient = createLocalClient(api, { user: admin });
  await client.create(resources.namespaces, namespace('default'));
  await client.create(resources.serviceAccounts, serviceAccount('default'));
  if (policy) await ensureBootstrapObjects(client);
  const clientFor = (user: UserInfo): ApiClient => createLocalClient(api, { user });
  return { api, store, proposer, client, clientFor };
}

export function namespace(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function serviceAccount(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } };
}

export function configMap(name: string, data: Record<string, string> = {}, labels?: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data };
}

export function pod(name: string, nodeName?: string): KubernetesObject {
  const containers = [{ name: 'main', image: 'busybox' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers, nodeName } };
}
