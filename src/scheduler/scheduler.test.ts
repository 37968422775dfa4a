import { afterEach, expect, test, vi } from 'vitest';
import type { Event, Node, Pod, PodSpec } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import { InformerSet } from '../client/informer-set.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import { silentLogger } from '../lib/logger.ts';
import { startScheduler } from './scheduler.ts';

const controllers: AbortController[] = [];
afterEach(() => {
  for (const controller of controllers.splice(0)) controller.abort();
});

function start(client: FakeApiClient): void {
  const controller = new AbortController();
  controllers.push(controller);
  const informers = new InformerSet({ client, signal: controller.signal, logger: silentLogger });
  void startScheduler({ client, term: 1, signal: controller.signal }, { informers }, silentLogger);
}

const node = (name: string, cpu = '2'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { allocatable: { cpu, memory: '4Gi', pods: '110' } },
});
async function join(client: FakeApiClient, joining: Node): Promise<void> {
  const created = await client.create(resources.nodes, joining);
  await client.update(resources.nodes, { ...created, status: joining.status }, 'status');
}
const pod = (name: string, cpu?: string, spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name },
  spec: { containers: [{ name: 'c', image: 'i', ...(cpu && { resources: { requests: { cpu } } }) }], ...spec },
});
const nodeOf = async (client: FakeApiClient, name: string) =>
  (await client.get<Pod>(resources.pods, { namespace: 'default', name })).spec?.nodeName;

test('pods that wait and pods that come are bound, spread over the nodes', async () => {
  const client = new FakeApiClient();
  for (const name of ['a', 'b']) await join(client, node(name));
  for (let i = 0; i < 3; i++) await client.create(resources.pods, pod(`early-${i}`));
  start(client);
  await client.create(resources.pods, pod('late'));
  await vi.waitFor(async () => {
    const { items } = await client.list<Pod>(resources.pods);
    const nodes = items.map((item) => item.spec?.nodeName).sort();
    expect(nodes).toEqual(['a', 'a', 'b', 'b']);
  });
});

test('a pod that fits nowhere says why, and is bound when a node joins', async () => {
  const client = new FakeApiClient();
  await join(client, node('small', '1'));
  start(client);
  await client.create(resources.pods, pod('big', '2'));
  await vi.waitFor(async () => {
    const { status } = await client.get<Pod>(resources.pods, { namespace: 'default', name: 'big' });
    expect(status?.conditions).toMatchObject([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: '0/1 nodes are available: 1 Insufficient cpu.',
      },
    ]);
    const { items } = await client.list<Event>(resources.events);
    expect(items.map((event) => event.reason)).toContain('FailedScheduling');
  });
  await join(client, node('large', '4'));
  await vi.waitFor(async () => expect(await nodeOf(client, 'big')).toBe('large'), 5_000);
});

test('room that a deleted pod leaves is used', async () => {
  const client = new FakeApiClient();
  await join(client, node('only', '1'));
  start(client);
  await client.create(resources.pods, pod('first', '1'));
  await vi.waitFor(async () => expect(await nodeOf(client, 'first')).toBe('only'));
  await client.create(resources.pods, pod('second', '1'));
  await vi.waitFor(async () => {
    const { status } = await client.get<Pod>(resources.pods, { namespace: 'default', name: 'second' });
    expect(status?.conditions?.[0]?.reason).toBe('Unschedulable');
  });
  await client.delete(resources.pods, { namespace: 'default', name: 'first' }, { gracePeriodSeconds: 0 });
  await vi.waitFor(async () => expect(await nodeOf(client, 'second')).toBe('only'), 5_000);
});

test('pods of another scheduler and gated pods are left alone', async () => {
  const client = new FakeApiClient();
  await join(client, node('a'));
  await client.create(resources.pods, pod('other', undefined, { schedulerName: 'mine' }));
  await client.create(resources.pods, pod('gated', undefined, { schedulingGates: [{ name: 'g' }] }));
  start(client);
  await client.create(resources.pods, pod('ours'));
  await vi.waitFor(async () => expect(await nodeOf(client, 'ours')).toBe('a'));
  expect(await nodeOf(client, 'other')).toBeUndefined();
  expect(await nodeOf(client, 'gated')).toBeUndefined();
});
