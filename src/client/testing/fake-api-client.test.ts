import { describe, expect, it } from 'vitest';
import { resources } from '../../api/types.ts';
import type { WatchEvent } from '../types.ts';
import { FakeApiClient } from './fake-api-client.ts';

const configMap = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels, resourceVersion: undefined as string | undefined },
  data: {} as Record<string, string>,
});
const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec,
});

describe('FakeApiClient', () => {
  it('refuses a second object of a name and a stale update', async () => {
    const client = new FakeApiClient();
    const first = await client.create(resources.configMaps, configMap('a'));
    await expect(client.create(resources.configMaps, configMap('a'))).rejects.toMatchObject({
      reason: 'AlreadyExists',
    });
    await client.update(resources.configMaps, { ...first, data: { x: '1' } });
    await expect(client.update(resources.configMaps, { ...first, data: { x: '2' } })).rejects.toMatchObject({
      reason: 'Conflict',
    });
  });

  it('keeps an assigned pod until it is deleted with grace 0, and an unassigned one not at all', async () => {
    const client = new FakeApiClient();
    await client.create(resources.pods, pod('assigned'));
    await client.bind({ namespace: 'default', name: 'assigned' }, 'node-1');
    await client.create(resources.pods, pod('waiting'));
    for (const name of ['assigned', 'waiting']) await client.delete(resources.pods, { namespace: 'default', name });
    expect(client.all(resources.pods).map((object) => object.metadata?.name)).toEqual(['assigned']);
    await client.delete(resources.pods, { namespace: 'default', name: 'assigned' }, { gracePeriodSeconds: 0 });
    expect(client.all(resources.pods)).toEqual([]);
  });

  it('keeps status and spec apart', async () => {
    const client = new FakeApiClient();
    const created = await client.create(resources.pods, pod('a'));
    const updated = await client.update(resources.pods, { ...created, status: { phase: 'Running' } });
    expect(updated).toMatchObject({ status: { phase: 'Pending' } });
    const key = { namespace: 'default', name: 'a' };
    const patched = await client.patch(
      resources.pods,
      key,
      'merge',
      { spec: { x: 1 }, status: { phase: 'Running' } },
      'status',
    );
    expect(patched).toMatchObject({ spec: {}, status: { phase: 'Running' } });
  });

  it('watches from a resourceVersion with a selector, turning a lost label into DELETED', async () => {
    const client = new FakeApiClient();
    const stop = new AbortController();
    await client.create(resources.configMaps, configMap('before', { app: 'x' }));
    const { resourceVersion } = await client.list(resources.configMaps);
    await client.create(resources.configMaps, configMap('a', { app: 'x' }));
    await client.create(resources.configMaps, configMap('other'));
    await client.patch(resources.configMaps, { namespace: 'default', name: 'a' }, 'merge', {
      metadata: { labels: null },
    });
    const events: string[] = [];
    const options = { labelSelector: 'app=x', resourceVersion, signal: stop.signal };
    for await (const event of client.watch(resources.configMaps, options) as AsyncIterable<WatchEvent<object>>) {
      events.push(`${event.type} ${(event.object as { metadata: { name: string } }).metadata.name}`);
      if (events.length === 2) stop.abort();
    }
    expect(events).toEqual(['ADDED a', 'DELETED a']);
  });
});
