import { expect, test } from 'vitest';
import { firstHoldMs, HandOver } from './hand-over.ts';

/** Leads from `fromMs` on and stands still as soon as it may give leadership away. Returns for how long it led. */
function lead(handOver: HandOver, term: number, fromMs: number): number {
  handOver.observe(term, fromMs);
  let nowMs = fromMs;
  while (!handOver.may('application', nowMs)) nowMs += 250;
  handOver.begun('application', nowMs);
  handOver.observe(undefined, nowMs + 100);
  return nowMs - fromMs;
}

test('the first time leadership goes at once, then it is kept for longer each time, and after quiet minutes it goes at once again', () => {
  const handOver = new HandOver();
  expect(lead(handOver, 1, 0)).toBe(0);
  expect(lead(handOver, 3, 1_000)).toBe(firstHoldMs);
  expect(lead(handOver, 5, 20_000)).toBe(2 * firstHoldMs);
  expect(lead(handOver, 7, 60_000)).toBe(4 * firstHoldMs);
  expect(lead(handOver, 9, 110_000)).toBe(8 * firstHoldMs);
  expect(lead(handOver, 11, 200_000)).toBe(8 * firstHoldMs);
  expect(lead(handOver, 13, 1_000_000)).toBe(0);
});

test('an attempt that moved nothing is repeated after a second', () => {
  const handOver = new HandOver();
  handOver.observe(1, 0);
  handOver.begun('disk', 0);
  expect(handOver.may('disk', 900)).toBe(false);
  expect(handOver.may('disk', 1_000)).toBe(true);
});

test('leadership that was lost for another reason is not held against it, nor one reason against the other', () => {
  const handOver = new HandOver();
  handOver.observe(1, 0);
  handOver.begun('disk', 0);
  handOver.observe(undefined, 5_000);
  handOver.observe(3, 6_000);
  expect(handOver.may('disk', 6_000)).toBe(true);
  handOver.begun('disk', 6_000);
  handOver.observe(undefined, 6_100);
  handOver.observe(5, 7_000);
  expect(handOver.may('disk', 7_000)).toBe(false);
  expect(handOver.may('application', 7_000)).toBe(true);
});
