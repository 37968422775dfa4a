import { expect, test } from 'vitest';
import { age, humanDuration } from './duration.ts';

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

test.each([
  [-3 * second, '<invalid>'],
  [-second, '0s'],
  [0, '0s'],
  [119 * second, '119s'],
  [2 * minute, '2m'],
  [9 * minute + 59 * second, '9m59s'],
  [10 * minute, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [7 * hour + 59 * minute, '7h59m'],
  [47 * hour, '47h'],
  [2 * day, '2d'],
  [5 * day + 3 * hour, '5d3h'],
  [8 * day + 3 * hour, '8d'],
  [729 * day, '729d'],
  [730 * day, '2y'],
  [731 * day, '2y1d'],
  [8 * 365 * day, '8y'],
])('humanDuration(%d) is %s', (durationMs, text) => {
  expect(humanDuration(durationMs)).toBe(text);
});

test('age() of nothing is unknown', () => {
  expect(age(undefined, 0)).toBe('<unknown>');
  expect(age('1970-01-01T00:00:00Z', 5000)).toBe('5s');
});
