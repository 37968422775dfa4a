import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('what fits into the burst waits for nothing, what does not is paid for in time', () => {
  const bucket = new TokenBucket(100, 0);
  expect(bucket.take(60, 1_000, 0)).toBe(0);
  expect(bucket.take(60, 1_000, 0)).toBe(20);
  // 20 ms later the debt is paid and nothing is left.
  expect(bucket.take(50, 1_000, 20)).toBe(50);
  // A slower rate counts from where it is asked for.
  expect(bucket.take(10, 100, 70)).toBeGreaterThan(90);
});

test('a long rest does not save up more than the burst', () => {
  const bucket = new TokenBucket(100, 0);
  expect(bucket.take(200, 1_000, 1_000_000)).toBe(100);
});
