import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from './mutants/index.ts';
import { hunt, runSeeds } from './runner.ts';
import { applyPatches } from './runtime/hooks.ts';
import foundSeeds from './seeds.json' with { type: 'json' };
import type { RunResult } from './world.ts';

async function run(seeds: readonly number[], options = {}): Promise<RunResult[]> {
  const results: RunResult[] = [];
  await runSeeds({ seeds, options, onResult: (result) => results.push(result) });
  return results.sort((a, b) => a.seed - b.seed);
}
const failures = (results: readonly RunResult[]) =>
  results.flatMap(({ seed, failure }) => (failure ? [`${seed}: ${failure}`] : []));

test('seeds 1 to 100 and those that found something keep every invariant, make progress and agree at the end', async () => {
  const seeds = [...Array.from({ length: 100 }, (_, position) => position + 1), ...foundSeeds.map(({ seed }) => seed)];
  const results = await run(seeds);
  expect(failures(results)).toEqual([]);
  const sum = (key: 'operations' | 'crashes' | 'elections' | 'watched' | 'reads') =>
    results.reduce((total, result) => total + result[key], 0);
  // The run really ran: writes were acknowledged in spite of crashes and changes of leader.
  expect(sum('operations')).toBeGreaterThan(2_000);
  expect(sum('crashes')).toBeGreaterThan(170);
  expect(sum('elections')).toBeGreaterThan(200);
  expect(sum('watched')).toBeGreaterThan(1_350);
  expect(sum('reads')).toBeGreaterThan(340);
}, 240_000);

test('a seed gives the same run every time, told or not', async () => {
  const [one] = await run([7]);
  const [other] = await run([7], { trace: true });
  expect({ ...other, story: [] }).toEqual({ ...one, story: [] });
  expect(other!.story.length).toBeGreaterThan(5);
}, 60_000);

test.each(mutants)('mutant $name can be applied', ({ patches }) => {
  for (const patch of patches) {
    const source = readFileSync(new URL(`../src/${patch.file}`, import.meta.url), 'utf8');
    expect(applyPatches([patch], source)).not.toBe(source);
  }
});

test('the simulator finds a member that acknowledges entries before they are synced, and not without its checks', async () => {
  const mutant = mutants.find(({ name }) => name === 'entries-not-synced')!;
  expect((await hunt(mutant, 50)).failure).toMatch(/durability|promises/);
  expect((await hunt(mutant, 3, { blind: true })).failure).toBeUndefined();
}, 120_000);
