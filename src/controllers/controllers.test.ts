/** All controllers together on the real API server and store. Only the kubelet is played. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../api/generated/types/apps-v1.ts';
import type { ConfigMap, Namespace, Node, Pod, Service } from '../api/generated/types/core-v1.ts';
import { isReason } from '../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../api/types.ts';
import { createTestApi } from '../apiserver/testing/test-api.ts';
import { InformerSet } from '../client/informer-set.ts';
import type { ApiClient, ObjectKey } from '../client/types.ts';
import { silentLogger } from '../lib/logger.ts';
import { startControllers } from './index.ts';
import { isReady } from './shared/pods.ts';
import { timestamp } from './shared/time.ts';

let client: ApiClient;
let stop: AbortController;
let watched: InformerSet;
const silent = new Set<string>();
const web = { namespace: 'default', name: 'web' };

/** Resolves as soon as `check` holds for what the cluster shows. */
async function until(resource: GroupVersionResource, check: () => boolean): Promise<void> {
  const informer = watched.of(resource);
  await informer.synced;
  await new Promise<void>((resolve) => {
    const look = () => check() && resolve();
    informer.addHandler({ add: look, update: look, delete: look });
    look();
  });
}
const cached = <T extends TypedObject>(resource: GroupVersionResource, key: ObjectKey) =>
  watched.of<T>(resource).get(key.namespace ? `${key.namespace}/${key.name}` : key.name);

/** Runs every pod at once on one of two nodes, and stops those that are deleted, unless its node is cut off. */
function playNodes(): void {
  let next = 0;
  const work = async (pod: Pod) => {
    const { namespace, name, uid } = pod.metadata!;
    const key = { namespace, name: name! };
    const node = pod.spec?.nodeName;
    if (!node) {
      const reachable = ['n1', 'n2'].filter((candidate) => !silent.has(candidate));
      await client.bind({ ...key, uid }, reachable[next++ % reachable.length]!);
    } else if (silent.has(node)) return;
    else if (pod.metadata?.deletionTimestamp) await client.delete(resources.pods, key, { gracePeriodSeconds: 0 });
    else if (!isReady(pod)) {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp(Date.now()) }];
      await client.patch(resources.pods, key, 'strategic', { status: { phase: 'Running', conditions } }, 'status');
    }
  };
  const run = (pod: Pod) =>
    void work(pod).catch((error: unknown) => {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    });
  watched.of<Pod>(resources.pods).addHandler({ add: run, update: run });
}

beforeEach(async () => {
  ({ client } = await createTestApi());
  stop = new AbortController();
  silent.clear();
  watched = new InformerSet({ client, signal: stop.signal, logger: silentLogger });
  playNodes();
  const lastSeen = async (nodes: string[]) => nodes.map((node) => (silent.has(node) ? 60_000 : 0));
  startControllers(
    { client, term: 1, signal: stop.signal },
    {
      nodeLifecycle: { lastSeen, graceMs: 400, evictionMs: 0 },
      network: { podCidr: '10.244.0.0/16', nodeCidrMaskSize: 24 },
      caPem: 'PEM',
    },
    silentLogger,
  );
  for (const name of ['n1', 'n2']) {
    await client.create<Node>(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const conditions = [{ type: 'Ready', status: 'True' }];
    await client.patch(resources.nodes, { name }, 'strategic', { status: { conditions } }, 'status');
  }
});
afterEach(() => stop.abort());

const deployment = (replicas: number, image: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { ...web },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
  },
});
const isRolledOut = (replicas: number) => () => {
  const { status, metadata, spec } = cached<Deployment>(resources.deployments, web) ?? {};
  return (
    status?.observedGeneration === metadata?.generation &&
    spec?.replicas === replicas &&
    [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every((count) => count === replicas) &&
    status?.conditions?.find(({ type }) => type === 'Progressing')?.reason === 'NewReplicaSetAvailable'
  );
};

it('gives nodes their ranges and namespaces their defaults', async () => {
  await client.create<Namespace>(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team' },
  });
  await until(
    resources.configMaps,
    () => cached(resources.configMaps, { namespace: 'team', name: 'kube-root-ca.crt' }) !== undefined,
  );
  await until(
    resources.serviceAccounts,
    () => cached(resources.serviceAccounts, { namespace: 'team', name: 'default' }) !== undefined,
  );
  await until(resources.nodes, () =>
    ['n1', 'n2'].every((name) => cached<Node>(resources.nodes, { name })?.spec?.podCIDR),
  );
  await until(resources.nodes, () =>
    ['n1', 'n2'].every((name) => !cached<Node>(resources.nodes, { name })?.spec?.taints?.length),
  );
});

it('rolls out, updates, undoes, scales, survives a dead worker, and cleans up behind a deletion', async () => {
  const ready = () =>
    watched
      .of<Pod>(resources.pods)
      .list()
      .filter((pod) => isReady(pod) && !pod.metadata?.deletionTimestamp);
  await client.create(resources.deployments, deployment(4, 'v1'));
  await until(resources.deployments, isRolledOut(4));
  let fewest = 4;
  let isWatching = true;
  const look = () => {
    if (isWatching) fewest = Math.min(fewest, ready().length);
  };
  watched.of<Pod>(resources.pods).addHandler({ add: look, update: look, delete: look });
  const image = (value: string) => ({ spec: { template: { spec: { containers: [{ name: 'main', image: value }] } } } });
  for (const value of ['v2', 'v1']) {
    await client.patch(resources.deployments, web, 'strategic', image(value));
    await until(resources.deployments, isRolledOut(4));
  }
  isWatching = false;
  expect(fewest).toBe(4);
  expect((await client.list<ReplicaSet>(resources.replicaSets)).items).toHaveLength(2);

  await client.patch(resources.deployments, web, 'merge', { spec: { replicas: 20 } }, 'scale');
  await until(resources.deployments, isRolledOut(20));

  silent.add('n1');
  const onDead = () =>
    watched
      .of<Pod>(resources.pods)
      .list()
      .filter((pod) => pod.spec?.nodeName === 'n1');
  await until(resources.pods, () => ready().filter((pod) => pod.spec?.nodeName === 'n2').length === 20);
  expect(onDead().every((pod) => pod.metadata?.deletionTimestamp)).toBe(true);
  silent.clear();
  for (const { metadata } of onDead())
    await client.delete(resources.pods, { namespace: 'default', name: metadata!.name! }, { gracePeriodSeconds: 0 });
  await until(resources.pods, () => watched.of<Pod>(resources.pods).size === 20);

  await client.delete(resources.deployments, web, { propagationPolicy: 'Foreground' });
  await until(resources.deployments, () => cached(resources.deployments, web) === undefined);
  expect((await client.list(resources.pods)).items).toEqual([]);
  expect((await client.list(resources.replicaSets)).items).toEqual([]);
});

it('writes nothing more once everything is as asked', async () => {
  const spec = { selector: { app: 'web' }, ports: [{ port: 80 }] };
  await client.create<Service>(resources.services, { apiVersion: 'v1', kind: 'Service', metadata: { ...web }, spec });
  await client.create(resources.deployments, deployment(3, 'v1'));
  await until(resources.deployments, isRolledOut(3));
  const revision = async () => (await client.list(resources.namespaces)).resourceVersion;
  let before: string;
  let turns = 0;
  do {
    before = await revision();
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(++turns).toBeLessThan(50);
  } while ((await revision()) !== before);
});

it('numbers the revision of a Deployment once, and keeps it and what others annotate', async () => {
  const seen: string[] = [];
  watched.of<Deployment>(resources.deployments).addHandler({
    update: ({ metadata }) => seen.push(Object.keys(metadata?.annotations ?? {}).join()),
  });
  await client.create(resources.deployments, deployment(1, 'v1'));
  await until(resources.deployments, isRolledOut(1));
  expect(seen.slice(seen.findIndex((keys) => keys !== ''))).not.toContain('');
});

it('empties and removes a terminating namespace', async () => {
  const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } satisfies Namespace;
  await client.create<Namespace>(resources.namespaces, team);
  const wanted = deployment(3, 'v1');
  await client.create(resources.deployments, { ...wanted, metadata: { name: 'web', namespace: 'team' } });
  const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'team' } };
  await client.create(resources.configMaps, object);
  await until(resources.pods, () => watched.of<Pod>(resources.pods).list().filter(isReady).length === 3);
  await client.delete(resources.namespaces, { name: 'team' });
  await until(resources.namespaces, () => cached(resources.namespaces, { name: 'team' }) === undefined);
  expect((await client.list(resources.pods)).items).toEqual([]);
});
