import { expect, test } from 'vitest';
import type { ApiClient } from '../client/types.ts';
import { ManualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Store, StoreUsage, WriteOptions } from '../store/types.ts';
import { compactionIntervalMs, historyCheckMs, startCompaction, targetBySize } from './compaction.ts';

const mib = 1024 * 1024;
const usage = (historyBytes: number, more: Partial<StoreUsage> = {}): StoreUsage => ({
  bytes: 0,
  quotaBytes: 8192 * mib,
  alarm: undefined,
  keys: 1,
  versions: 1,
  leases: 0,
  liveBytes: 0,
  historyBytes,
  allocatedBytes: 0,
  ...more,
});

function setUp() {
  const calls: [number, WriteOptions | undefined][] = [];
  const store = {
    revision: 100,
    compactedRevision: 1,
    historyBytes: 0,
    usage: () => usage(store.historyBytes),
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
  const pass = async (durationMs: number) => {
    for (let left = durationMs; left > 0; left -= historyCheckMs) {
      clock.advance(historyCheckMs);
      for (let i = 0; i < 8; i++) await Promise.resolve();
    }
  };
  return { calls, store, controller, pass };
}

test('each interval compacts to the revision of one interval ago, fenced by term', async () => {
  const { calls, store, pass } = setUp();
  store.revision = 200;
  await pass(compactionIntervalMs);
  store.revision = 300;
  await pass(compactionIntervalMs);
  expect(calls.map(([revision, options]) => [revision, options?.fenceTerm])).toEqual([
    [100, 7],
    [200, 7],
  ]);
});

test('history that outgrows its budget is compacted at the next look', async () => {
  const { calls, store, pass } = setUp();
  store.revision = 1_001;
  store.historyBytes = 64 * mib;
  await pass(historyCheckMs);
  expect(calls).toEqual([]);
  store.historyBytes = 128 * mib;
  await pass(historyCheckMs);
  // 32 of 128 MiB are kept: a quarter of the revisions.
  expect(calls.map(([revision]) => revision)).toEqual([751]);
});

test('nothing is compacted after leadership has ended', async () => {
  const { calls, store, controller, pass } = setUp();
  store.historyBytes = 1_000 * mib;
  controller.abort();
  await pass(2 * compactionIntervalMs);
  expect(calls).toEqual([]);
});

test('the budget grows with what is live, within the quota; without space all of history goes', () => {
  expect(targetBySize(1_000, 1, usage(200 * mib, { liveBytes: 400 * mib }))).toBeUndefined();
  expect(targetBySize(1_000, 1, usage(201 * mib, { liveBytes: 400 * mib }))).toBe(503);
  expect(targetBySize(1_000, 1, usage(60 * mib, { quotaBytes: 200 * mib }))).toBeGreaterThan(500);
  expect(targetBySize(1_000, 1, usage(1, { alarm: 'no-space' }))).toBe(1_000);
  expect(targetBySize(1_000, 1_000, usage(1, { alarm: 'no-space' }))).toBeUndefined();
  expect(targetBySize(1_000, 999, usage(100 * mib))).toBe(1_000);
});
