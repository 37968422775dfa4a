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
