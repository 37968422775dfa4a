import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('in probe one append is sent until an answer comes', () => {
  const progress = new Progress(5, 4, 1_000);
  expect(progress.paused()).toBe(false);
  progress.sent(6, 10);
  expect(progress.paused()).toBe(true);
  expect(progress.maybeUpdate(6)).toBe(true);
  expect(progress.paused()).toBe(false);
  expect([progress.match, progress.next]).toEqual([6, 7]);
});

test('in replicate appends are pipelined up to the limit of messages, then of bytes', () => {
  const progress = new Progress(1, 2, 100);
  progress.becomeReplicate();
  progress.sent(1, 10);
  expect(progress.next).toBe(2);
  progress.sent(2, 10);
  expect(progress.paused()).toBe(true);
  progress.inflights.freeTo(1);
  expect(progress.paused()).toBe(false);
  progress.sent(3, 95);
  expect(progress.paused()).toBe(true);
});

test('a refusal moves next back to what may agree, a stale one does nothing', () => {
  const progress = new Progress(10, 4, 1_000);
  expect(progress.maybeDecrease(7, 3)).toBe(false);
  expect(progress.maybeDecrease(9, 3)).toBe(true);
  expect(progress.next).toBe(4);
});

test('after a snapshot probing goes on behind it', () => {
  const progress = new Progress(1, 4, 1_000);
  progress.becomeSnapshot(20);
  expect(progress.paused()).toBe(true);
  progress.becomeProbe();
  expect([progress.next, progress.paused()]).toEqual([21, false]);
});

test('a follower keeps up while its rounds of replication are shorter than the limit (4.2.1)', () => {
  const progress = new Progress(1, 4, 1_000);
  const acknowledge = (index: number, lastIndex: number, tick: number) => {
    progress.heardTick = tick;
    progress.maybeUpdate(index);
    progress.noteRound(lastIndex, tick, 10);
  };
  progress.becomeReplicate();
  // The first round begins far in the past: what it says is that the follower has just begun.
  acknowledge(5, 50, 100);
  expect(progress.caughtUpTicks(50, 100, 10)).toBeUndefined();
  // 45 entries took 20 ticks: behind.
  acknowledge(50, 80, 120);
  expect(progress.caughtUpTicks(80, 120, 10)).toBeUndefined();
  // 30 entries in 5 ticks, while more are written: it keeps up.
  acknowledge(80, 90, 125);
  expect(progress.caughtUpTicks(90, 125, 10)).toBe(0);
  acknowledge(90, 95, 130);
  expect(progress.caughtUpTicks(95, 130, 10)).toBe(5);
  // A round that does not end, or silence, ends it.
  progress.heardTick = 145;
  expect(progress.caughtUpTicks(99, 145, 10)).toBeUndefined();
  acknowledge(95, 95, 146);
  expect(progress.caughtUpTicks(95, 146, 10)).toBe(0);
  expect(progress.caughtUpTicks(95, 160, 10)).toBeUndefined();
});
