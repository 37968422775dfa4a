/** The HTTPS client, kubeconfig and discovery against our own API server. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConfigMap, Pod } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import { type HttpHarness, startHttpHarness } from '../apiserver/testing/http-harness.ts';
import { silentLogger } from '../lib/logger.ts';
import { renderKubeconfig } from '../pki/kubeconfig.ts';
import { discover, findKind, findResource } from './discovery.ts';
import { HttpClient } from './http-client.ts';
import { Informer } from './informer.ts';
import { parseKubeconfig } from './kubeconfig.ts';

let http: HttpHarness;
let client: HttpClient;
const key = (name: string) => ({ namespace: 'default', name });
const configMap = (name: string, data = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});

beforeAll(async () => {
  http = await startHttpHarness();
  const server = `https://127.0.0.1:${http.server.port}`;
  const files = http.pki.files('admin');
  client = new HttpClient(parseKubeconfig(renderKubeconfig({ server, clusterName: 'c', userName: 'admin', files })));
});
afterAll(async () => {
  client.close();
  await http.stop();
});

it('creates, reads, changes and deletes, with the reasons of the server', async () => {
  const created = await client.create(resources.configMaps, configMap('a', { x: '1' }));
  expect(await client.get<ConfigMap>(resources.configMaps, key('a'))).toEqual(created);
  await expect(client.create(resources.configMaps, configMap('a'))).rejects.toMatchObject({ reason: 'AlreadyExists' });
  const updated = await client.update(resources.configMaps, { ...created, data: { x: '2' } });
  await expect(client.update(resources.configMaps, created)).rejects.toMatchObject({ reason: 'Conflict' });
  const patched = await client.patch<ConfigMap>(resources.configMaps, key('a'), 'merge', { data: { y: '3' } });
  expect([updated.data, patched.data]).toEqual([{ x: '2' }, { x: '2', y: '3' }]);
  const options = { preconditions: { uid: 'another' } };
  await expect(client.delete(resources.configMaps, key('a'), options)).rejects.toMatchObject({ reason: 'Conflict' });
  await client.delete(resources.configMaps, key('a'));
  await expect(client.get(resources.configMaps, key('a'))).rejects.toMatchObject({ reason: 'NotFound', code: 404 });
});

it('lists in pages and deletes collections by selector', async () => {
  const labelled = (name: string) => ({
    ...configMap(name),
    metadata: { name, namespace: 'default', labels: { page: 'yes' } },
  });
  await Promise.all(['p1', 'p2', 'p3'].map((name) => client.create(resources.configMaps, labelled(name))));
  const selection = { namespace: 'default', labelSelector: 'page=yes' };
  const first = await client.list<ConfigMap>(resources.configMaps, { ...selection, limit: 2 });
  const second = await client.list<ConfigMap>(resources.configMaps, {
    ...selection,
    limit: 2,
    continue: first.continue,
  });
  expect([...first.items, ...second.items].map(({ kind, metadata }) => `${kind} ${metadata?.name}`)).toEqual([
    'ConfigMap p1',
    'ConfigMap p2',
    'ConfigMap p3',
  ]);
  await client.deleteCollection(resources.configMaps, selection);
  expect((await client.list(resources.configMaps, selection)).items).toEqual([]);
});

it('binds a pod and feeds an informer over the wire', async () => {
  const stop = new AbortController();
  const informer = new Informer<Pod>({ client, resource: resources.pods, logger: silentLogger });
  const ended = informer.run(stop.signal);
  await informer.synced;
  const bound = new Promise<Pod>((resolve) => informer.addHandler({ update: resolve }));
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  await client.create(resources.pods, pod);
  await client.bind(key('p'), 'n1');
  expect((await bound).spec?.nodeName).toBe('n1');
  stop.abort();
  await ended;
});

it('finds resources by what people type and by what manifests say', async () => {
  const all = await discover((path, accept) => client.raw(path, accept));
  expect(findResource(all, 'deploy')).toMatchObject({
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    namespaced: true,
  });
  expect(findResource(all, 'no')).toMatchObject({ group: '', resource: 'nodes', namespaced: false });
  expect(findKind(all, 'v1', 'Pod')?.subresources).toContain('log');
  expect(findKind(all, 'apps/v1', 'ReplicaSet')?.resource).toBe('replicasets');
});
