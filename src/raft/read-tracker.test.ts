import { expect, test } from 'vitest';
import { ReadTracker } from './read-tracker.ts';

const read = (requestId: number, deadlineMs = 10_000) => ({ requestId, deadlineMs });
const ids = (reads: readonly { requestId: number }[]) => reads.map(({ requestId }) => requestId);

function tracker() {
  const reads = new ReadTracker(100);
  const asked: number[] = [];
  const begin = (nowMs: number) => reads.begin(nowMs, 150, (context) => asked.push(context) > 0);
  return { reads, asked, begin };
}

test('what comes during a round waits for the next one', () => {
  const { reads, asked, begin } = tracker();
  reads.add(read(1));
  begin(0);
  reads.add(read(2));
  begin(10);
  expect(asked).toHaveLength(1);
  expect(ids(reads.answered(asked[0]!))).toEqual([1]);
  begin(20);
  expect(ids(reads.answered(asked[1]!))).toEqual([2]);
});

test('answers that always take longer than the repetition still count', () => {
  const { reads, asked, begin } = tracker();
  reads.add(read(1));
  begin(0);
  begin(150);
  begin(300);
  expect(asked).toHaveLength(3);
  expect(ids(reads.answered(asked[0]!))).toEqual([1]);
  expect(reads.answered(asked[1]!)).toEqual([]);
  expect(reads.answered(asked[2]!)).toEqual([]);
});

test('an answer makes no read safe that came after its question', () => {
  const { reads, asked, begin } = tracker();
  reads.add(read(1));
  begin(0);
  reads.add(read(2));
  begin(150);
  expect(ids(reads.answered(asked[0]!))).toEqual([1]);
  expect(ids(reads.answered(asked[1]!))).toEqual([2]);
});

test('numbers that were never asked for mean nothing', () => {
  const { reads, asked, begin } = tracker();
  reads.add(read(1));
  begin(0);
  expect(reads.answered(asked[0]! - 1)).toEqual([]);
  expect(reads.answered(asked[0]! + 1)).toEqual([]);
  expect(ids(reads.answered(asked[0]!))).toEqual([1]);
});

test('without a leader nothing is asked, and late reads are given back', () => {
  const reads = new ReadTracker(0);
  reads.add(read(1, 100));
  reads.add(read(2, 300));
  reads.begin(0, 150, () => false);
  expect(ids(reads.expire(200))).toEqual([1]);
  reads.begin(200, 150, () => true);
  expect(ids(reads.expire(300))).toEqual([2]);
  expect(reads.expire(400)).toEqual([]);
});
