import { expect, test } from 'vitest';
import type { Pod } from '../api/generated/types/core-v1.ts';
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { ManualClock } from '../lib/clock.ts';
import { createLocalClient } from './local-client.ts';
import { createTestApi, namespace, nodeUser, pod } from './testing/test-api.ts';

const key = { namespace: 'default', name: 'a' };
const startMs = Date.parse('2026-01-01T00:00:00Z');

async function boundPod() {
  const clock = new ManualClock(startMs);
  const made = await createTestApi({ clock });
  await made.client.create(resources.pods, pod('a', 'n1'));
  const get = () => made.client.get<Pod>(resources.pods, key);
  return { ...made, clock, get };
}

test('a pod on a node stays, marked with its grace period, until its node removes it', async () => {
  const { api, client, get } = await boundPod();
  await client.delete(resources.pods, key);
  const marked = await get();
  expect(marked.metadata).toMatchObject({
    deletionTimestamp: '2026-01-01T00:00:30Z',
    deletionGracePeriodSeconds: 30,
  });
  const agent = createLocalClient(api, { user: nodeUser('n1') });
  const preconditions = { uid: marked.metadata?.uid };
  await agent.delete(resources.pods, key, { gracePeriodSeconds: 0, preconditions });
  await expect(get()).rejects.toSatisfy((error) => isReason(error, 'NotFound'));
});

test('a grace period under way can be shortened, not prolonged', async () => {
  const { client, clock, get } = await boundPod();
  await client.delete(resources.pods, key, { gracePeriodSeconds: 20 });
  clock.advance(5_000);
  await client.delete(resources.pods, key, { gracePeriodSeconds: 60 });
  expect((await get()).metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:20Z' });
  await client.delete(resources.pods, key, { gracePeriodSeconds: 10 });
  expect((await get()).metadata).toMatchObject({
    deletionTimestamp: '2026-01-01T00:00:10Z',
    deletionGracePeriodSeconds: 10,
  });
});

test('a second delete changes nothing', async () => {
  const { client, store } = await boundPod();
  await client.delete(resources.pods, key);
  const before = store.revision;
  await client.delete(resources.pods, key);
  expect(store.revision).toBe(before);
});

test('a pod that no node has is removed at once', async () => {
  const { client } = await createTestApi();
  await client.create(resources.pods, pod('a'));
  await client.delete(resources.pods, key);
  await expect(client.get(resources.pods, key)).rejects.toSatisfy((error) => isReason(error, 'NotFound'));
});

test('a namespace terminates, and goes when its spec finalizers are taken through /finalize', async () => {
  const { client } = await createTestApi();
  await client.create(resources.namespaces, namespace('work'));
  await client.delete(resources.namespaces, { name: 'work' });
  const marked = await client.get(resources.namespaces, { name: 'work' });
  expect(marked).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Terminating' } });
  await client.update(resources.namespaces, { ...marked, spec: { finalizers: [] } } as typeof marked, 'finalize');
  await expect(client.get(resources.namespaces, { name: 'work' })).rejects.toSatisfy((error) =>
    isReason(error, 'NotFound'),
  );
});

test('namespaces that a cluster needs cannot be deleted', async () => {
  const { client } = await createTestApi();
  await expect(client.delete(resources.namespaces, { name: 'default' })).rejects.toThrow('may not be deleted');
});
