import { expect, test } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import { toPodInfo } from './pod-info.ts';
import { SchedulingQueue, unschedulableRetryMs } from './queue.ts';
import type { PodInfo } from './types.ts';

const pod = (name: string, priority = 0): PodInfo =>
  toPodInfo({ metadata: { namespace: 'default', name }, spec: { containers: [], priority } });
const names = (pods: PodInfo[]) => pods.map((item) => item.name);

function setUp() {
  const clock = new ManualClock();
  let wakes = 0;
  const queue = new SchedulingQueue(clock, () => wakes++);
  return { clock, queue, wakes: () => wakes };
}

test('pop gives the highest priority first and, among equals, the oldest', () => {
  const { queue } = setUp();
  for (const item of [pod('a'), pod('b', 10), pod('c'), pod('d', 10)]) queue.add(item);
  expect(names(queue.pop(3))).toEqual(['b', 'd', 'a']);
  expect(names(queue.pop(3))).toEqual(['c']);
});

test('retry comes back after one second, then two, then at most ten', () => {
  const { queue, clock } = setUp();
  queue.add(pod('a'));
  for (const expectedMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    const [popped] = queue.pop(1);
    queue.retry(popped!);
    clock.advance(expectedMs - 1);
    expect(queue.pop(1)).toEqual([]);
    clock.advance(1);
    expect(queue.size.active).toBe(1);
  }
});

test('park waits for a change in the cluster, then for what is left of the back-off', () => {
  const { queue, clock, wakes } = setUp();
  queue.add(pod('a'));
  queue.park(queue.pop(1)[0]!);
  clock.advance(400);
  expect(queue.size).toEqual({ active: 0, backingOff: 0, unschedulable: 1 });
  queue.clusterChanged();
  expect(queue.size).toEqual({ active: 0, backingOff: 1, unschedulable: 0 });
  clock.advance(600);
  expect(wakes()).toBe(2);
  expect(names(queue.pop(1))).toEqual(['a']);
});

test('park ends at the latest after the retry interval', () => {
  const { queue, clock } = setUp();
  queue.add(pod('a'));
  queue.park(queue.pop(1)[0]!);
  clock.advance(unschedulableRetryMs);
  expect(names(queue.pop(1))).toEqual(['a']);
});

test('a change of a parked pod makes it active at once', () => {
  const { queue } = setUp();
  queue.add(pod('a'));
  queue.park(queue.pop(1)[0]!);
  queue.add(pod('a', 5));
  expect(queue.pop(1)[0]?.priority).toBe(5);
});

test('remove takes a pod out of whichever part it is in', () => {
  const { queue, clock } = setUp();
  queue.add(pod('a'));
  queue.retry(queue.pop(1)[0]!);
  queue.remove('default/a');
  clock.advance(60_000);
  expect(queue.pop(1)).toEqual([]);
});
