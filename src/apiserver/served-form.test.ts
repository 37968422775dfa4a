import { expect, test } from 'vitest';
import type { Event as CoreEvent } from '../api/generated/types/core-v1.ts';
import type { Event } from '../api/generated/types/events-v1.ts';
import { createTestApi } from './testing/test-api.ts';

const core = { group: '', version: 'v1', resource: 'events' };
const events = { group: 'events.k8s.io', version: 'v1', resource: 'events' };
const key = { namespace: 'default', name: 'a' };

const newEvent: Event = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { ...key, labels: { x: 'y' } },
  regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  eventTime: '2017-09-19T13:49:16.000000Z',
  note: 'hello',
  action: 'Do',
  reason: 'Test',
  type: 'Normal',
  reportingController: 'test-controller',
  reportingInstance: 'test-node',
};

test('an event is one object under both versions, each with its own names', async () => {
  const { client } = await createTestApi();
  const created = await client.create<Event>(events, newEvent);
  expect(created).toMatchObject(newEvent);
  const old = await client.get<CoreEvent>(core, key);
  expect(old).toMatchObject({
    apiVersion: 'v1',
    metadata: { uid: created.metadata?.uid, resourceVersion: created.metadata?.resourceVersion },
    involvedObject: newEvent.regarding,
    message: 'hello',
    reportingComponent: 'test-controller',
  });
  expect(old).not.toHaveProperty('note');
  await client.update<CoreEvent>(core, { ...old, count: 7 });
  expect(await client.get<Event>(events, key)).toMatchObject({ deprecatedCount: 7, note: 'hello' });
});

test('patch, update, list by field and delete work on the served names', async () => {
  const { client } = await createTestApi();
  const created = await client.create<Event>(events, newEvent);
  const series = { count: 2, lastObservedTime: '2017-09-19T13:49:11.000000Z' };
  const patched = await client.patch<Event>(events, key, 'strategic', { series });
  expect(patched).toEqual({
    ...created,
    series,
    metadata: { ...created.metadata, resourceVersion: expect.anything(), managedFields: expect.anything() },
  });
  const updated = await client.update<Event>(events, { ...patched, series: { ...series, count: 100 } });
  expect(updated.series?.count).toBe(100);
  const named = async (fieldSelector: string) =>
    (await client.list<Event>(events, { namespace: 'default', fieldSelector })).items;
  expect(await named('reportingController=test-controller,regarding.name=web')).toEqual([updated]);
  expect(await named('regarding.name=other')).toEqual([]);
  expect((await client.list(core, { fieldSelector: 'source=test-controller' })).items).toHaveLength(1);
  await client.deleteCollection(events, { namespace: 'default', labelSelector: 'x=y' });
  expect((await client.list(core, {})).items).toEqual([]);
});

test('a watch sees the served form, whoever wrote', async () => {
  const { client } = await createTestApi();
  const { resourceVersion } = await client.list(events, {});
  const stop = new AbortController();
  const watch = client.watch<Event>(events, { resourceVersion, signal: stop.signal })[Symbol.asyncIterator]();
  const next = watch.next();
  await client.create<CoreEvent>(core, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: key,
    involvedObject: { namespace: 'default', name: 'web' },
    message: 'old style',
  });
  expect((await next).value).toMatchObject({
    type: 'ADDED',
    object: { apiVersion: 'events.k8s.io/v1', note: 'old style', regarding: { name: 'web' } },
  });
  stop.abort();
});

test('events.k8s.io/v1 is strict where core/v1 is not', async () => {
  const { client } = await createTestApi();
  const { action: _, ...incomplete } = newEvent;
  await expect(client.create<Event>(events, incomplete as Event)).rejects.toMatchObject({
    reason: 'Invalid',
    details: { causes: [{ field: 'action' }] },
  });
  const created = await client.create<Event>(events, newEvent);
  await expect(client.update<Event>(events, { ...created, note: 'other' })).rejects.toMatchObject({
    details: { causes: [{ field: 'message', message: expect.stringContaining('field is immutable') }] },
  });
});
