import { expect, test } from 'vitest';
import type { ConfigMap } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { ManualClock } from '../../lib/clock.ts';
import { decodeShared } from '../object-record.ts';
import { admin, configMap, createTestApi } from '../testing/test-api.ts';
import {
  bookmarkIntervalMs,
  defaultWatchSeconds,
  maxQueuedEvents,
  type WatchRecord,
  type WatchStream,
} from './watch.ts';

const target = { resource: resources.configMaps, namespace: 'default' };

function shown(record: WatchRecord): string {
  if (record.type === 'BOOKMARK') return `BOOKMARK ${record.revision}`;
  if (record.type === 'ERROR') return `ERROR ${record.error.reason}`;
  return `${record.type} ${decodeShared(record.record).metadata?.name}`;
}

/** Reads until `count` events have come, or the stream has ended. */
async function take(stream: WatchStream, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of stream) {
    seen.push(...batch.map(shown));
    if (seen.length >= count) break;
  }
  return seen;
}

test('a bookmark comes every minute, with the revision up to which nothing was missed', async () => {
  const clock = new ManualClock(1_700_000_000_000);
  const { api, client, store } = await createTestApi({ clock });
  const request = { resourceVersion: String(store.revision), allowWatchBookmarks: true };
  const stream = await api.watch({ user: admin }, target, request);
  await client.create(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'elsewhere', namespace: 'default' },
  });
  clock.advance(bookmarkIntervalMs);
  await client.create(resources.configMaps, configMap('a'));
  expect(await take(stream, 2)).toEqual([`BOOKMARK ${store.revision - 1}`, 'ADDED a']);
});

test('a watch without a timeout ends by itself', async () => {
  const clock = new ManualClock(1_700_000_000_000);
  const { api, store } = await createTestApi({ clock, random: () => 0 });
  const stream = await api.watch({ user: admin }, target, { resourceVersion: String(store.revision) });
  clock.advance(defaultWatchSeconds * 1000);
  expect(await take(stream, 1)).toEqual([]);
});

test('a watcher that does not keep up is cut off, and the others go on', async () => {
  const { api, client, store } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const request = { resourceVersion: String(store.revision) };
  const slow = await api.watch({ user: admin }, target, request);
  const quick = await api.watch({ user: admin }, target, request);
  const all = take(quick, maxQueuedEvents + 1);
  for (let done = 0; done <= maxQueuedEvents; done += 500) {
    const patches = Array.from({ length: 500 }, (_, i) => {
      const key = `/registry/core/configmaps/default/a${i}`;
      return {
        type: 'put',
        key,
        value: Buffer.from(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a${i}"}}`),
      } as const;
    });
    await store.transact({ compare: [], success: patches });
  }
  expect((await all).length).toBeGreaterThan(maxQueuedEvents);
  expect(await take(slow, 1)).toEqual([]);
});

test('aborting the context ends the stream', async () => {
  const { api, store } = await createTestApi();
  const leaving = new AbortController();
  const context = { user: admin, signal: leaving.signal };
  const stream = await api.watch(context, target, { resourceVersion: String(store.revision) });
  const rest = take(stream, 1);
  leaving.abort();
  expect(await rest).toEqual([]);
});

test('the local client sees the same events, from where its list ended', async () => {
  const { client } = await createTestApi();
  await client.create(resources.configMaps, configMap('a'));
  const { resourceVersion } = await client.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
  const leaving = new AbortController();
  const options = { namespace: 'default', resourceVersion, signal: leaving.signal };
  const seen: string[] = [];
  const watching = (async () => {
    for await (const event of client.watch<ConfigMap>(resources.configMaps, options)) {
      seen.push(`${event.type} ${(event.object as ConfigMap).metadata?.name}`);
      if (seen.length === 2) leaving.abort();
    }
  })();
  await client.create(resources.configMaps, configMap('b'));
  await client.delete(resources.configMaps, { namespace: 'default', name: 'a' });
  await watching;
  expect(seen).toEqual(['ADDED b', 'DELETED a']);
});
