import { expect, test } from 'vitest';
import type { PodSpec, ResourceQuota, ResourceQuotaSpec } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import { createLocalClient } from '../local-client.ts';
import { ResourceApi } from '../resource-api.ts';
import { admin, configMap, createTestApi } from '../testing/test-api.ts';

const quotas = { group: '', version: 'v1', resource: 'resourcequotas' };
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const key = { name: 'q', namespace: 'default' };

/** With the status that the controller would give it. */
async function quotaOf(client: ApiClient, spec: ResourceQuotaSpec, used?: Record<string, string>): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: key, spec };
  const made = await client.create<ResourceQuota>(quotas, object);
  const hard = spec.hard ?? {};
  const none = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
  await client.update(quotas, { ...made, status: { hard, used: { ...none, ...used } } }, 'status');
}

async function usedOf(client: ApiClient): Promise<unknown> {
  return (await client.get<ResourceQuota>(quotas, key)).status?.used;
}

const pod = (name: string, requests?: Record<string, string>, spec: Partial<PodSpec> = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i', ...(requests && { resources: { requests } }) }], ...spec },
});

test('what is created is charged with the object; what is too much is refused in upstream words and not charged', async () => {
  const { client } = await createTestApi();
  await quotaOf(client, { hard: { pods: '3', 'requests.cpu': '1', 'requests.memory': '1Gi' } });
  await client.create(resources.pods, pod('a', { cpu: '600m', memory: '256Mi' }));
  expect(await usedOf(client)).toEqual({ pods: '1', 'requests.cpu': '600m', 'requests.memory': '256Mi' });
  const refused = client.create(resources.pods, pod('b', { cpu: '500m', memory: '1Mi' }));
  await expect(refused).rejects.toMatchObject({
    code: 403,
    message:
      'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1',
  });
  await expect(client.create(resources.pods, pod('c'))).rejects.toThrow(
    'pods "c" is forbidden: failed quota: q: must specify requests.cpu for: c; requests.memory for: c',
  );
  await expect(client.create(resources.pods, pod('a', { cpu: '1m', memory: '1Mi' }))).rejects.toThrow('already exists');
  expect(await usedOf(client)).toEqual({ pods: '1', 'requests.cpu': '600m', 'requests.memory': '256Mi' });
});

test('a quota whose use is not known yet lets nothing through; one without a status is not in force yet', async () => {
  const { client } = await createTestApi();
  const object = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: key, spec: { hard: { configmaps: '1' } } };
  const made = await client.create<ResourceQuota>(quotas, object);
  await client.create(configMaps, configMap('a'));
  await client.update(quotas, { ...made, status: { hard: { configmaps: '1' } } }, 'status');
  await expect(client.create(configMaps, configMap('b'))).rejects.toThrow(
    'status unknown for quota: q, resources: configmaps',
  );
});

test('through two masters at once, as many are created as fit, and not one more', async () => {
  const { client, store } = await createTestApi();
  const other = createLocalClient(new ResourceApi({ store }), { user: admin });
  await quotaOf(client, { hard: { 'count/configmaps': '7' } });
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, (_, index) => (index % 2 ? client : other).create(configMaps, configMap(`c${index}`))),
  );
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(refused.length).toBe(33);
  expect(refused.every((error) => isReason(error, 'Forbidden'))).toBe(true);
  expect(await usedOf(client)).toEqual({ 'count/configmaps': '7' });
  expect((await client.list(configMaps, { namespace: 'default' })).items).toHaveLength(7);
});

test('scopes: best effort, terminating, priority class', async () => {
  for (const [spec, inside, outside] of [
    [{ scopes: ['BestEffort'] }, pod('in'), pod('out', { cpu: '1' })],
    [{ scopes: ['Terminating'] }, pod('in', undefined, { activeDeadlineSeconds: 60 }), pod('out')],
    [
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } },
      pod('in', undefined, { priorityClassName: 'high' }),
      pod('out'),
    ],
  ] as [ResourceQuotaSpec, KubernetesObject, KubernetesObject][]) {
    const { client } = await createTestApi();
    const high = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 9 };
    await client.create({ group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' }, high);
    await quotaOf(client, { hard: { pods: '1' }, ...spec });
    await client.create(resources.pods, outside);
    expect(await usedOf(client)).toEqual({ pods: '0' });
    await client.create(resources.pods, inside);
    expect(await usedOf(client)).toEqual({ pods: '1' });
  }
});

test('an update is charged for what it adds; a dry run is judged and not charged', async () => {
  const { client, api } = await createTestApi();
  await quotaOf(client, { hard: { services: '2', 'services.nodeports': '1' } });
  const service = (name: string, type: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type, ports: [{ port: 80 }], selector: { a: 'b' } },
  });
  const made = await client.create(resources.services, service('a', 'ClusterIP') as never);
  await client.update(resources.services, { ...(made as object), spec: service('a', 'NodePort').spec } as never);
  expect(await usedOf(client)).toEqual({ services: '1', 'services.nodeports': '1' });
  const context = { user: admin };
  const target = { resource: resources.services, namespace: 'default' };
  const dry = (type: string) => api.create(context, target, { object: service('b', type) as never }, { dryRun: true });
  await dry('ClusterIP');
  await expect(dry('NodePort')).rejects.toThrow('exceeded quota: q, requested: services.nodeports=1');
  expect(await usedOf(client)).toEqual({ services: '1', 'services.nodeports': '1' });
});
