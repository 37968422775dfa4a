import { expect, test } from 'vitest';
import type { ApiClient } from '../client/types.ts';
import { ManualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Store, WriteOptions } from '../store/types.ts';
import { compactionIntervalMs, startCompaction } from './compaction.ts';

function setUp() {
  const calls: [number, WriteOptions | undefined][] = [];
  const store = {
    revision: 100,
    compactedRevision: 0,
    compact: async (revision: number, options?: WriteOptions) => {
      calls.push([revision, options]);
    },
  };
  const controller = new AbortController();
  const clock = new ManualClock();
  startCompaction(
    { client: {} as ApiClient, term: 7, signal: controller.signal },
    store as unknown as Store,
    clock,
    silentLogger,
  );
  const interval = async () => {
    clock.advance(compactionIntervalMs);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { calls, store, controller, interval };
}

test('each interval compacts to the revision of one interval ago, fenced by term', async () => {
  const { calls, store, interval } = setUp();
  store.revision = 200;
  await interval();
  store.revision = 300;
  await interval();
  expect(calls.map(([revision, options]) => [revision, options?.fenceTerm])).toEqual([
    [100, 7],
    [200, 7],
  ]);
});

test('nothing is compacted after leadership has ended', async () => {
  const { calls, controller, interval } = setUp();
  controller.abort();
  await interval();
  expect(calls).toEqual([]);
});
