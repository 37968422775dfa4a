import { expect, it } from 'vitest';
import { ApiError } from '../api/status.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import { ManualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { watchIsolation } from './isolation-watch.ts';
import { isolationMs, isolationProbeMs } from './limits.ts';

it('a master is isolated when no linearizable read has succeeded for long enough, and again only after one has', async () => {
  const client = new FakeApiClient();
  const clock = new ManualClock();
  const abort = new AbortController();
  let isolated = 0;
  const watching = watchIsolation({
    client,
    clock,
    logger: silentLogger,
    signal: abort.signal,
    onIsolated: () => isolated++,
  });
  const pass = async (durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += isolationProbeMs) {
      await client.idle(3);
      clock.advance(isolationProbeMs);
    }
    await client.idle(3);
  };
  await pass(3 * isolationMs);
  expect(isolated).toBe(0);
  client.intercept = () => {
    throw new ApiError('ServiceUnavailable', 'no leader');
  };
  await pass(isolationMs - isolationProbeMs);
  expect(isolated).toBe(0);
  await pass(3 * isolationMs);
  expect(isolated).toBe(1);
  client.intercept = undefined;
  await pass(isolationProbeMs);
  // A read that never answers is no better than one that fails.
  client.intercept = () => new Promise(() => undefined);
  await pass(2 * isolationMs);
  expect(isolated).toBe(2);
  abort.abort();
  clock.advance(3 * isolationMs);
  expect(isolated).toBe(2);
  void watching;
});
