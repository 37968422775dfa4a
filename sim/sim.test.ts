import { expect, test } from 'vitest';
import { mutants } from './mutants.ts';
import { hunt } from './mutate.ts';
import { runSeed } from './world.ts';

test('seeds 1 to 60 keep every invariant, make progress and agree at the end', () => {
  const results = Array.from({ length: 60 }, (_, position) => runSeed(position + 1));
  expect(results.filter((result) => result.failure)).toEqual([]);
  const sum = (key: 'acknowledged' | 'crashes' | 'elections') =>
    results.reduce((total, result) => total + result[key], 0);
  // The run really ran: writes were acknowledged in spite of crashes and changes of leader.
  expect(sum('acknowledged')).toBeGreaterThan(5_000);
  expect(sum('crashes')).toBeGreaterThan(200);
  expect(sum('elections')).toBeGreaterThan(150);
});

test('a seed gives the same run every time', () => {
  expect(runSeed(7)).toEqual(runSeed(7));
});

test('the simulator finds a member that acknowledges entries before they are synced', async () => {
  const mutant = mutants.find(({ name }) => name === 'entries-not-synced')!;
  expect(await hunt(mutant)).toMatch(/FAILED/);
});
