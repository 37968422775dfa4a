/** Masters die, one or all: no acknowledged write is lost and pods do not notice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap, Pod } from '../src/api/generated/types/core-v1.ts';
import { resources } from '../src/api/types.ts';
import { HttpClient } from '../src/client/http-client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { Cluster, waitFor } from './support/cluster.ts';
import { connect, longestGapMs, SteadyWriter } from './support/writer.ts';

const cluster = new Cluster();
const bar = { longestGapMs: 2_000 };

const deployment = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: steady }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: steady } }
  template:
    metadata: { labels: { app: steady } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: trimast.local/busybox, command: [sleep, infinity] }]
`;

async function runningContainers(): Promise<string[]> {
  const { items } = await cluster.json<{ items: Pod[] }>('get pods -l app=steady');
  return items
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .map((status) => `${status.containerID} ${status.restartCount}`)
    .sort();
}

async function replicasAreIdentical(): Promise<void> {
  await waitFor('identical state on all masters', async () => {
    const masters = (await cluster.status()).members.filter((member) => member.kind === 'master');
    const states = new Set(masters.map((member) => `${member.appliedRevision} ${member.stateHash}`));
    return masters.every((member) => member.stateHash !== undefined) && states.size === 1;
  });
}

beforeAll(async () => {
  await cluster.up();
  await cluster.kubectl('apply -f -', deployment(6));
  await cluster.kubectl('rollout status deployment/steady --timeout=60s');
});

afterAll(async () => {
  await cluster.destroy();
});

test('every master serves reads, writes and watches, leading or not', async () => {
  const masters = (await cluster.status()).members.filter((member) => member.kind === 'master');
  const access = loadKubeconfig(cluster.kubeconfig);
  const clients = masters.map(
    ({ address, ports }) => new HttpClient({ ...access, server: `https://${address}:${ports.api}` }),
  );
  const controller = new AbortController();
  try {
    const { resourceVersion } = await clients[0]!.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
    const seen = clients.map(async (client) => {
      const names: string[] = [];
      const options = { namespace: 'default', resourceVersion, signal: controller.signal };
      for await (const event of client.watch<ConfigMap>(resources.configMaps, options)) {
        if (event.type === 'ADDED') names.push(event.object.metadata!.name!);
        if (names.length === clients.length) break;
      }
      return names;
    });
    for (const [index, client] of clients.entries()) {
      const name = `written-to-${masters[index]!.name}`;
      await client.create<ConfigMap>(resources.configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'default', name },
      });
      // A read without resourceVersion is linearizable on any master, at once.
      for (const other of clients) await other.get(resources.configMaps, { namespace: 'default', name });
    }
    const expected = masters.map((master) => `written-to-${master.name}`);
    expect(await Promise.all(seen)).toEqual(clients.map(() => expected));
  } finally {
    controller.abort();
    for (const client of clients) client.close();
  }
});

test('SIGKILL of the leader under 100 writes/s: every acknowledged write is there, the gap is bounded, pods are untouched', async () => {
  const containers = await runningContainers();
  const writer = new SteadyWriter(cluster.kubeconfig, 'default', 'kill-leader', 100);
  const client = connect(cluster.kubeconfig);
  try {
    await waitFor('the first writes', async () => writer.history.acknowledged.length > 100);
    for (let kill = 0; kill < 3; kill++) {
      await cluster.must('kill', 'leader');
      const mark = writer.history.acknowledged.length;
      await waitFor('writes after the kill', async () => writer.history.acknowledged.length > mark + 100);
      await cluster.up();
    }
    const history = await writer.stop();
    const { items } = await client.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
    const present = new Set(items.map((item) => item.metadata?.name));
    expect(history.acknowledged.filter((name) => !present.has(name))).toEqual([]);
    expect(longestGapMs(history.acknowledgedAtMs)).toBeLessThan(bar.longestGapMs);
    expect(await runningContainers()).toEqual(containers);
    await cluster.kubectl('scale deployment/steady --replicas=8');
    await cluster.kubectl('rollout status deployment/steady --timeout=60s');
  } finally {
    await writer.stop();
    client.close();
  }
});

test('SIGKILL of all masters at once, then up: the same state, revisions go on upward, pods untouched', async () => {
  const before = await cluster.json<{ metadata: { uid: string; resourceVersion: string } }>('get deployment steady');
  const containers = await runningContainers();
  const revision = Math.max(...(await cluster.status()).members.map((member) => member.appliedRevision ?? 0));
  await cluster.must('kill', 'all-masters');
  await cluster.up();
  const after = await cluster.json<{ metadata: { uid: string; resourceVersion: string } }>('get deployment steady');
  expect(after.metadata.uid).toBe(before.metadata.uid);
  const created = JSON.parse(
    await cluster.kubectl('create -f - -o json', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later}\n'),
  );
  expect(Number(created.metadata.resourceVersion)).toBeGreaterThan(revision);
  expect(await runningContainers()).toEqual(containers);
  await replicasAreIdentical();
});

test('a master that missed 10,000 writes catches up to byte-identical state', async () => {
  const follower = (await cluster.status()).members.find((member) => member.kind === 'master' && !member.leader)!;
  await cluster.must('stop', follower.name);
  const client = connect(cluster.kubeconfig);
  try {
    await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'many' } });
    for (let batch = 0; batch < 100; batch++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          client.create<ConfigMap>(resources.configMaps, {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { namespace: 'many', name: `m-${batch}-${i}` },
            data: { payload: 'x'.repeat(200) },
          }),
        ),
      );
    }
  } finally {
    client.close();
  }
  await cluster.must('start', follower.name);
  await replicasAreIdentical();
});
