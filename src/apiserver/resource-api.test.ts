import { expect, test } from 'vitest';
import type { Deployment } from '../api/generated/types/apps-v1.ts';
import type { ConfigMap, Pod } from '../api/generated/types/core-v1.ts';
import type { ApiError } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { createLocalClient } from './local-client.ts';
import { admin, configMap, createTestApi, namespace, nodeUser, pod } from './testing/test-api.ts';

const key = { namespace: 'default', name: 'a' };

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise;
  } catch (error) {
    return error as ApiError;
  }
  throw new Error('nothing was thrown');
}

function deployment(name: string, replicas: number) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

test('create gives uid, creationTimestamp and resourceVersion, and get returns the same', async () => {
  const { client } = await createTestApi();
  const created = await client.create<ConfigMap>(resources.configMaps, configMap('a', { k: 'v' }));
  expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(created.metadata?.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(await client.get(resources.configMaps, key)).toEqual(created);
});

test('create of what exists is AlreadyExists, in upstream words', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const error = await failure(client.create(resources.configMaps, configMap('a')));
  expect(error).toMatchObject({ code: 409, reason: 'AlreadyExists', message: 'configmaps "a" already exists' });
});

test('create in a namespace that does not exist is NotFound, in one that terminates Forbidden with the cause', async () => {
  const { client } = await createTestApi();
  const inside = { ...configMap('a'), metadata: { name: 'a', namespace: 'b' } };
  expect(await failure(client.create(resources.configMaps, inside))).toMatchObject({
    code: 404,
    message: 'namespaces "b" not found',
  });
  await client.create(resources.namespaces, { ...namespace('b'), metadata: { name: 'b', finalizers: ['x/y'] } });
  await client.delete(resources.namespaces, { name: 'b' });
  const refused = await failure(client.create(resources.configMaps, inside));
  expect(refused).toMatchObject({ code: 403, details: { causes: [{ reason: 'NamespaceTerminating' }] } });
});

test('generateName makes names that differ', async () => {
  const { client } = await createTestApi();
  const wanted = { ...configMap(''), metadata: { generateName: 'web-', namespace: 'default' } };
  const made = await Promise.all(
    Array.from({ length: 20 }, () => client.create<ConfigMap>(resources.configMaps, wanted)),
  );
  const names = new Set(made.map((one) => one.metadata?.name));
  expect(names.size).toBe(20);
  for (const name of names) expect(name).toMatch(/^web-[a-z0-9]{5}$/);
});

test('generateName tries another name when the first is taken', async () => {
  let calls = 0;
  // The first two objects draw the same suffix.
  const { client } = await createTestApi({ random: () => (calls++ < 10 ? 0 : 0.5) });
  const wanted = { ...configMap(''), metadata: { generateName: 'web-', namespace: 'default' } };
  await client.create(resources.configMaps, wanted);
  const second = await client.create<ConfigMap>(resources.configMaps, wanted);
  expect(second.metadata?.name).not.toBe('web-bbbbb');
});

test('update with a stale resourceVersion is a Conflict in upstream words; without one it wins', async () => {
  const { client } = await createTestApi();
  const first = await client.create<Deployment>(resources.deployments, deployment('a', 1));
  await client.update(resources.deployments, { ...first, metadata: { ...first.metadata, labels: { x: '1' } } });
  const error = await failure(client.update(resources.deployments, first));
  expect(error).toMatchObject({
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on deployments.apps "a": the object has been modified; please apply your changes to the latest version and try again',
  });
  const { resourceVersion: _, ...metadata } = first.metadata ?? {};
  await client.update(resources.deployments, { ...first, metadata: { ...metadata, labels: { x: '2' } } });
  expect((await client.get<Deployment>(resources.deployments, key)).metadata?.labels).toEqual({ x: '2' });
});

test('concurrent patches all take effect', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      client.patch(resources.configMaps, key, 'merge', { data: { [`k${i}`]: 'v' } }),
    ),
  );
  expect(Object.keys((await client.get<ConfigMap>(resources.configMaps, key)).data ?? {})).toHaveLength(12);
});

test('a patch that changes nothing writes nothing', async () => {
  const { client, store } = await createTestApi();
  const created = await client.create<ConfigMap>(resources.configMaps, configMap('a', { k: 'v' }));
  const before = store.revision;
  const patched = await client.patch<ConfigMap>(resources.configMaps, key, 'merge', { data: { k: 'v' } });
  expect(store.revision).toBe(before);
  expect(patched.metadata?.resourceVersion).toBe(created.metadata?.resourceVersion);
});

test('an update cannot change uid and creationTimestamp, and a wrong uid is refused', async () => {
  const { client } = await createTestApi();
  const created = await client.create<ConfigMap>(resources.configMaps, configMap('a'));
  const metadata = { name: 'a', namespace: 'default', creationTimestamp: '2001-01-01T00:00:00Z' };
  const updated = await client.update<ConfigMap>(resources.configMaps, { ...configMap('a'), metadata });
  expect(updated.metadata?.creationTimestamp).toBe(created.metadata?.creationTimestamp);
  const wrong = { ...configMap('a'), metadata: { ...metadata, uid: 'other' } };
  expect((await failure(client.update(resources.configMaps, wrong))).reason).toBe('Conflict');
});

test('delete removes; with finalizers it marks, and the update that takes the last one removes', async () => {
  const { client } = await createTestApi();
  const held = { ...configMap('a'), metadata: { name: 'a', namespace: 'default', finalizers: ['example.com/x'] } };
  const created = await client.create<ConfigMap>(resources.configMaps, held);
  await client.delete(resources.configMaps, key);
  const marked = await client.get<ConfigMap>(resources.configMaps, key);
  expect(marked.metadata?.deletionTimestamp).toBeDefined();
  expect(marked.metadata?.uid).toBe(created.metadata?.uid);
  await client.patch(resources.configMaps, key, 'merge', { metadata: { finalizers: null } });
  expect((await failure(client.get(resources.configMaps, key))).message).toBe('configmaps "a" not found');
});

test('propagation policies become finalizers for the garbage collector', async () => {
  const { client } = await createTestApi();
  for (const [policy, finalizer] of [
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ] as const) {
    await client.create(resources.configMaps, configMap(policy.toLowerCase()));
    const name = { namespace: 'default', name: policy.toLowerCase() };
    await client.delete(resources.configMaps, name, { propagationPolicy: policy });
    const marked = await client.get<ConfigMap>(resources.configMaps, name);
    expect(marked.metadata).toMatchObject({ finalizers: [finalizer], deletionGracePeriodSeconds: 0 });
  }
});

test('delete preconditions are checked', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const error = await failure(client.delete(resources.configMaps, key, { preconditions: { uid: 'other' } }));
  expect(error.reason).toBe('Conflict');
  await client.get(resources.configMaps, key);
});

test('lists come in pages of one revision, although objects change in between', async () => {
  const { api, client } = await createTestApi();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(resources.configMaps, configMap(name));
  const target = { resource: resources.configMaps, namespace: 'default' };
  const context = { user: admin };
  const first = await api.list(context, target, { limit: 2 });
  expect(first).toMatchObject({ remainingItemCount: 3 });
  await client.create(resources.configMaps, configMap('bb'));
  await client.delete(resources.configMaps, { namespace: 'default', name: 'e' });
  const second = await api.list(context, target, { limit: 2, continue: first.continue });
  const third = await api.list(context, target, { limit: 2, continue: second.continue });
  expect([first, second, third].map((page) => page.items.length)).toEqual([2, 2, 1]);
  expect(third.continue).toBeUndefined();
  expect(third.revision).toBe(first.revision);
});

test('an expired continue token is answered with a fresh one that goes on inconsistently', async () => {
  const { api, client, store } = await createTestApi();
  for (const name of ['a', 'b', 'c']) await client.create(resources.configMaps, configMap(name));
  const target = { resource: resources.configMaps, namespace: 'default' };
  const context = { user: admin };
  const first = await api.list(context, target, { limit: 1 });
  await client.create(resources.configMaps, configMap('d'));
  await store.compact(store.revision);
  const error = await failure(api.list(context, target, { limit: 1, continue: first.continue }));
  expect(error).toMatchObject({ code: 410, reason: 'Expired' });
  const rest = await api.list(context, target, { continue: error.metadata.continue });
  expect(rest.items).toHaveLength(3);
});

test('resourceVersion of lists: not older than, exact, too large, and combinations that are forbidden', async () => {
  const { api, client, store } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const before = String(store.revision);
  await client.create(resources.configMaps, configMap('b'));
  const list = (request: object) => api.list({ user: admin }, { resource: resources.configMaps }, request);
  expect((await list({ resourceVersion: before })).items).toHaveLength(2);
  expect((await list({ resourceVersion: '0' })).items).toHaveLength(2);
  expect((await list({ resourceVersion: before, resourceVersionMatch: 'Exact' })).items).toHaveLength(1);
  expect((await failure(list({ resourceVersionMatch: 'Exact' }))).code).toBe(422);
  expect((await failure(list({ resourceVersion: '0', resourceVersionMatch: 'Exact' }))).code).toBe(422);
  expect((await failure(list({ resourceVersion: 'x' }))).code).toBe(400);
  expect((await failure(list({ continue: 'garbage' }))).code).toBe(400);
});

test('selectors: by label, by field, and an unknown field is refused', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a', {}, { app: 'x' }));
  await client.create(resources.configMaps, configMap('b', {}, { app: 'y' }));
  await client.create(resources.pods, pod('p1', 'n1'));
  await client.create(resources.pods, pod('p2', 'n2'));
  const byLabel = await client.list<ConfigMap>(resources.configMaps, { labelSelector: 'app in (x)' });
  expect(byLabel.items.map((one) => one.metadata?.name)).toEqual(['a']);
  const byField = await client.list<Pod>(resources.pods, { fieldSelector: 'spec.nodeName=n2' });
  expect(byField.items.map((one) => one.metadata?.name)).toEqual(['p2']);
  const byName = await client.list<Pod>(resources.pods, { namespace: 'default', fieldSelector: 'metadata.name=p1' });
  expect(byName.items).toHaveLength(1);
  const error = await failure(client.list(resources.pods, { fieldSelector: 'spec.nope=1' }));
  expect(error.message).toBe('field label not supported: spec.nope');
});

test('dry run decides the same and writes nothing', async () => {
  const { api, client, store } = await createTestApi();
  const target = { resource: resources.configMaps, namespace: 'default' };
  const context = { user: admin };
  const before = store.revision;
  await api.create(context, target, { object: configMap('a') }, { dryRun: true });
  expect(store.revision).toBe(before);
  await client.create(resources.configMaps, configMap('a'));
  const after = store.revision;
  expect((await failure(api.create(context, target, { object: configMap('a') }, { dryRun: true }))).code).toBe(409);
  await api.delete(context, { ...target, name: 'a' }, { dryRun: true });
  await api.update(context, { ...target, name: 'a' }, { object: configMap('a', { k: 'v' }) }, { dryRun: true });
  expect(store.revision).toBe(after);
});

test('scale reads and writes the replicas of a deployment', async () => {
  const { api, client } = await createTestApi();
  await client.create(resources.deployments, deployment('a', 1));
  const target = { resource: resources.deployments, subresource: 'scale', ...key };
  const scale = await api.getScale({ user: admin }, target);
  expect(scale).toMatchObject({ spec: { replicas: 1 }, status: { selector: 'app=a' } });
  await client.patch(resources.deployments, key, 'merge', { spec: { replicas: 5 } }, 'scale');
  expect((await client.get<Deployment>(resources.deployments, key)).spec?.replicas).toBe(5);
  const negative = { ...scale, spec: { replicas: -1 }, metadata: { name: 'a', namespace: 'default' } };
  expect((await failure(client.update(resources.deployments, negative as never, 'scale'))).code).toBe(422);
});

test('binding assigns a pod once', async () => {
  const { client } = await createTestApi();
  await client.create(resources.pods, pod('a'));
  await client.bind(key, 'n1');
  const bound = await client.get<Pod>(resources.pods, key);
  expect(bound.spec?.nodeName).toBe('n1');
  expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
  expect(await failure(client.bind(key, 'n2'))).toMatchObject({
    code: 409,
    message: 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
  });
});

test('eviction deletes the pod, with the options of its body', async () => {
  const { api, client } = await createTestApi();
  await client.create(resources.pods, pod('a', 'n1'));
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'a', namespace: 'default' },
    deleteOptions: { gracePeriodSeconds: 7 },
  };
  const target = { resource: resources.pods, subresource: 'eviction', ...key };
  await api.evict({ user: admin }, target, { object: eviction });
  expect((await client.get<Pod>(resources.pods, key)).metadata?.deletionGracePeriodSeconds).toBe(7);
});

test('a name with a slash reaches into no other namespace', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const error = await failure(client.get(resources.configMaps, { namespace: 'default/a', name: '' }));
  expect(error.code).toBe(400);
  expect((await failure(client.list(resources.configMaps, { namespace: 'default/' }))).code).toBe(400);
});

test('ephemeral containers are added through their subresource, and never changed', async () => {
  const { client } = await createTestApi();
  await client.create(resources.pods, pod('a', 'n1'));
  const add = (name: string, image: string) =>
    client.patch<Pod>(
      resources.pods,
      key,
      'strategic',
      { spec: { ephemeralContainers: [{ name, image }] } },
      'ephemeralcontainers',
    );
  const changed = await add('debug', 'busybox');
  expect(changed.spec?.ephemeralContainers).toMatchObject([{ name: 'debug', image: 'busybox' }]);
  expect((await failure(add('debug', 'other'))).code).toBe(422);
  // As a client sends it that has its own order of fields.
  const [container] = changed.spec?.ephemeralContainers ?? [];
  const reordered = Object.fromEntries(Object.entries(container ?? {}).reverse());
  const spec = { ...changed.spec, ephemeralContainers: [reordered] } as unknown as Pod['spec'];
  await client.update<Pod>(resources.pods, { ...changed, spec }, 'ephemeralcontainers');
});

test('amounts of CPU and memory are changed through the resize subresource, and nothing else is', async () => {
  const { client } = await createTestApi();
  const amounts = (cpu: string) => ({ requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } });
  const containers = [{ name: 'app', image: 'app:1', resources: amounts('1') }];
  await client.create(resources.pods, { ...pod('a'), spec: { nodeName: 'n1', containers } });
  const resize = (list: object[]) =>
    client.patch<Pod>(resources.pods, key, 'strategic', { spec: { containers: list } }, 'resize');
  const changed = await resize([{ name: 'app', image: 'other', resources: amounts('2') }]);
  expect(changed.spec?.containers).toMatchObject([{ name: 'app', image: 'app:1', resources: amounts('2') }]);
  expect(changed.metadata?.generation).toBe(2);
  const message = async (list: object[]) => (await failure(resize(list))).message;
  expect(await message([{ name: 'app', resources: { limits: { cpu: '3' } } }])).toContain('QOS Class may not change');
  expect(await message([{ name: 'app', resources: { limits: { cpu: null } } }])).toContain('limits cannot be removed');
  expect(
    await message([
      { name: 'app', resources: { limits: { 'example.com/x': '1' }, requests: { 'example.com/x': '1' } } },
    ]),
  ).toContain('only cpu and memory resources are mutable');
  expect(await message([{ name: 'more', image: 'x:1' }])).toContain('may not be added or removed');
  const plain = structuredClone(await client.get<Pod>(resources.pods, key));
  plain.spec!.containers[0]!.resources = amounts('3');
  expect((await failure(client.update(resources.pods, plain))).code).toBe(422);
});

test('a write under a term that is over is refused', async () => {
  const { api, client, proposer } = await createTestApi();
  const leader = createLocalClient(api, { user: admin, fenceTerm: 1 });
  await leader.create(resources.configMaps, configMap('a'));
  proposer.setTerm(2);
  await expect(leader.create(resources.configMaps, configMap('b'))).rejects.toThrow(/term/);
  expect((await client.list(resources.configMaps)).items).toHaveLength(1);
});

test('deletecollection deletes what the selector matches', async () => {
  const { client } = await createTestApi();
  for (const name of ['a', 'b']) await client.create(resources.configMaps, configMap(name, {}, { app: 'x' }));
  await client.create(resources.configMaps, configMap('c'));
  await client.deleteCollection(resources.configMaps, { namespace: 'default', labelSelector: 'app=x' });
  const left = await client.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
  expect(left.items.map((one) => one.metadata?.name)).toEqual(['c']);
});

test('what authorization refuses is told in upstream words', async () => {
  const { api } = await createTestApi();
  const client = createLocalClient(api, { user: { name: 'eve', groups: ['system:authenticated'] } });
  expect(await failure(client.list(resources.pods, { namespace: 'default' }))).toMatchObject({
    code: 403,
    message: 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "default"',
  });
});

test('a node may write only what is its own', async () => {
  const { api, client } = await createTestApi();
  await client.create(resources.namespaces, namespace('kube-node-lease'));
  await client.create(resources.pods, pod('mine', 'n1'));
  await client.create(resources.pods, pod('other', 'n2'));
  const agent = createLocalClient(api, { user: nodeUser('n1') });
  const status = { status: { phase: 'Running' } };
  const named = (name: string) => ({ namespace: 'default', name });
  await agent.patch(resources.pods, named('mine'), 'merge', status, 'status');
  expect((await failure(agent.patch(resources.pods, named('other'), 'merge', status, 'status'))).code).toBe(403);
  expect((await failure(agent.delete(resources.pods, named('other')))).code).toBe(403);
  expect((await failure(agent.patch(resources.pods, named('mine'), 'merge', { spec: {} }))).code).toBe(403);
  expect((await failure(agent.create(resources.pods, pod('new', 'n1')))).code).toBe(403);
  expect((await failure(agent.list(resources.pods))).code).toBe(403);
  expect((await agent.list(resources.pods, { fieldSelector: 'spec.nodeName=n1' })).items).toHaveLength(1);

  const node = (name: string, labels?: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
  });
  await agent.create(resources.nodes, node('n1', { 'kubernetes.io/hostname': 'n1' }));
  expect((await failure(agent.create(resources.nodes, node('n2')))).code).toBe(403);
  const role = { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } };
  expect((await failure(agent.patch(resources.nodes, { name: 'n1' }, 'merge', role))).message).toContain('labels');

  const lease = (name: string) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease' },
  });
  await agent.create(resources.leases, lease('n1'));
  expect((await failure(agent.create(resources.leases, lease('n2')))).code).toBe(403);
});

test('a node reads only the secrets that its pods use', async () => {
  const { api, client } = await createTestApi();
  const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' } });
  await client.create(resources.secrets, secret('used'));
  await client.create(resources.secrets, secret('unused'));
  const user = pod('p', 'n1');
  (user as Pod).spec!.volumes = [{ name: 'v', secret: { secretName: 'used' } }];
  await client.create(resources.pods, user);
  const agent = createLocalClient(api, { user: nodeUser('n1') });
  await agent.get(resources.secrets, { namespace: 'default', name: 'used' });
  expect((await failure(agent.get(resources.secrets, { namespace: 'default', name: 'unused' }))).code).toBe(403);
  const stranger = createLocalClient(api, { user: nodeUser('n2') });
  expect((await failure(stranger.get(resources.secrets, { namespace: 'default', name: 'used' }))).code).toBe(403);
});

test('an update that replaces the tolerations of a pod keeps those that every pod has', async () => {
  const { client } = await createTestApi();
  const created = await client.create<Pod>(resources.pods, pod('a'));
  const own = [{ key: 'x', operator: 'Exists', effect: 'NoSchedule' }];
  const updated = await client.update<Pod>(resources.pods, {
    ...created,
    spec: { ...created.spec!, tolerations: own },
  } as Pod);
  expect(updated.spec?.tolerations).toEqual([...own, ...created.spec!.tolerations!]);
  expect(updated.metadata?.generation).toBe(2);
});
