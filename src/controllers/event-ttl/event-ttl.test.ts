import { afterEach, expect, it } from 'vitest';
import type { Event } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { ManualClock } from '../../lib/clock.ts';
import { timestamp } from '../shared/time.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { EventTtlController } from './controller.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

it('deletes events an hour after they last happened, and no others', async () => {
  const clock = new ManualClock(10 * 3_600_000);
  h = harness(clock);
  const { client, context } = h;
  const event = (name: string, createdMs: number, lastMs: number): Event => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default', creationTimestamp: timestamp(createdMs) },
    involvedObject: {},
    lastTimestamp: timestamp(lastMs),
  });
  const hourAgo = clock.nowMs() - 3_600_000;
  client.seed(resources.events, event('old', hourAgo - 5_000, hourAgo - 1_000));
  client.seed(resources.events, event('old-but-repeated', hourAgo - 5_000, hourAgo + 120_000));
  client.seed(resources.events, event('new', hourAgo + 120_000, hourAgo + 120_000));
  void new EventTtlController(context).run();
  await client.idle();
  expect(client.calls).toEqual([]);
  clock.advance(60_000);
  await client.until(() => client.all(resources.events).length === 2);
  await client.idle();
  expect(client.all(resources.events).map(({ metadata }) => metadata?.name)).toEqual(['old-but-repeated', 'new']);
});
