/**
 * The simulator's command line; see docs/simulator.md. Exit code 1: a seed failed, a mutant survived, or the run proves nothing.
 */
import { parseArgs } from 'node:util';
import { mutants } from './mutants/index.ts';
import { hunt, huntAll, maxMutantSeeds, runSeeds } from './runner.ts';
import type { RunResult } from './world.ts';

const usage = `usage: trimast sim [--seeds N] [--first S] [--fail-fast]   run N seeds (default 100) from S (default 1) on
       trimast sim --replay S [--lines N]             run one seed and tell its story (the last N lines, default 60)
       trimast sim --mutants [NAME...]                hunt known mistakes, each in a copy of the product that has only it
       trimast sim --canary [--seeds N]               run with all checks removed: must be reported as invalid`;
const options = {
  seeds: { type: 'string' },
  first: { type: 'string' },
  replay: { type: 'string' },
  lines: { type: 'string' },
  'fail-fast': { type: 'boolean' },
  mutants: { type: 'boolean' },
  'max-seeds': { type: 'string' },
  canary: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;
/** The mistake of the self-test shows in almost every seed. */
const selfTestSeeds = 5;
/** Stories of failed seeds that are told in full. */
const maxStories = 3;
const totalKeys = [
  'events',
  'elections',
  'committed',
  'operations',
  'reads',
  'watched',
  'crashes',
  'undecided',
] as const;

function readFlags() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    console.error(`sim: ${(error as Error).message}\n${usage}`);
    return process.exit(2);
  }
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`sim: --${name} wants a whole number, not "${text}"\n${usage}`);
  return process.exit(2);
}

function tell({ seed, failure, story }: RunResult, lines: number): void {
  for (const line of story.slice(story.length - lines)) console.log(`  ${line.slice(0, 300)}`);
  console.log(`seed ${seed} FAILED: ${failure}\n  replay: ./trimast sim --replay ${seed}`);
}

async function runMany(first: number, count: number, failFast: boolean, blind: boolean): Promise<number> {
  const totals = Object.fromEntries(totalKeys.map((key) => [key, 0])) as Record<(typeof totalKeys)[number], number>;
  const failed: number[] = [];
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  await runSeeds({
    seeds: Array.from({ length: count }, (_, position) => first + position),
    options: { blind },
    stopAtFailure: failFast,
    onResult: (result) => {
      for (const key of totalKeys) totals[key] += result[key];
      if (result.failure === undefined) return;
      failed.push(result.seed);
      tell(result, Math.min(result.story.length, failed.length <= maxStories ? 40 : 0));
    },
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(startedCpu);
  console.log(
    `seeds ${first} to ${first + count - 1}: ${failed.length} failed; ${seconds.toFixed(1)} s, ` +
      `${(count / ((user + system) / 1e6)).toFixed(1)} seeds per second of one core`,
  );
  console.log(`  ${totalKeys.map((key) => `${key} ${totals[key]}`).join(', ')}`);
  // A run that did nothing proves nothing, and neither does one whose checks do not work.
  if (totals.operations === 0 || totals.elections === 0 || totals.watched === 0) {
    console.log('INVALID: nothing was acknowledged, elected or watched');
    return 1;
  }
  return (await selfTest(blind)) && failed.length === 0 ? 0 : 1;
}

/** A run counts only if the same checks find a mistake that is known to be there. */
async function selfTest(blind: boolean): Promise<boolean> {
  const known = mutants.find(({ name }) => name === 'entries-not-synced')!;
  const { foundAfter, tried } = await hunt(known, selfTestSeeds, { blind });
  if (foundAfter !== undefined) {
    console.log(`self-test: the known mistake "${known.name}" was found after ${foundAfter} seeds`);
    return true;
  }
  console.log(
    `INVALID: the known mistake "${known.name}" was not found in ${tried} seeds, so the checks do not work and this run proves nothing`,
  );
  return false;
}

async function replay(seed: number, lines: number): Promise<number> {
  const results: RunResult[] = [];
  await runSeeds({ seeds: [seed], options: { trace: true }, onResult: (result) => results.push(result) });
  const { story, ...rest } = results[0]!;
  if (rest.failure !== undefined) tell(results[0]!, Math.min(lines, story.length));
  else for (const line of story.slice(-lines)) console.log(`  ${line}`);
  console.log(JSON.stringify(rest));
  return rest.failure === undefined ? 0 : 1;
}

async function huntMutants(names: readonly string[], maxSeeds: number): Promise<number> {
  const wanted = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    console.error(`sim: no mutant is called ${unknown.map((name) => `"${name}"`).join(', ')}`);
    return 2;
  }
  const startedMs = performance.now();
  const hunts = await huntAll(wanted, maxSeeds, ({ mutant, foundAfter, tried, failure }) =>
    console.log(
      foundAfter === undefined
        ? `${mutant.name}: SURVIVED ${tried} seeds (${mutant.why})`
        : `${mutant.name}: found after ${foundAfter} seeds (${failure!.split('\n')[0]!.slice(0, 140)})`,
    ),
  );
  const found = hunts.flatMap(({ foundAfter }) => foundAfter ?? []).sort((a, b) => a - b);
  const median = found[Math.floor((found.length - 1) / 2)] ?? 0;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(
    `${found.length} of ${wanted.length} found; median ${median} seeds, most ${found.at(-1) ?? 0}; ${seconds} s`,
  );
  return found.length === wanted.length ? 0 : 1;
}

async function main(): Promise<number> {
  const { values, positionals } = readFlags();
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values.mutants) return huntMutants(positionals, wholeNumber('max-seeds', values['max-seeds'], maxMutantSeeds));
  if (positionals.length > 0) {
    console.error(`sim: unexpected "${positionals[0]}"\n${usage}`);
    return 2;
  }
  if (values.replay !== undefined)
    return replay(wholeNumber('replay', values.replay, 0), wholeNumber('lines', values.lines, 60));
  const first = wholeNumber('first', values.first, 1);
  const count = wholeNumber('seeds', values.seeds, 100);
  return runMany(first, count, values['fail-fast'] ?? false, values.canary ?? false);
}

process.exitCode = await main();
