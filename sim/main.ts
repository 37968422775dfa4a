/**
 * `node sim/main.ts --seeds N [--first S] [--fail-fast]` runs N seeds; `--replay S` runs one and prints what it did. Exit code 1 when a seed fails.
 */
import { parseArgs } from 'node:util';
import { type RunResult, runSeed } from './world.ts';

const usage = 'usage: sim [--seeds N] [--first S] [--fail-fast]   or   sim --replay S';
const options = {
  seeds: { type: 'string' },
  first: { type: 'string' },
  replay: { type: 'string' },
  'fail-fast': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function readFlags() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`sim: ${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

const values = readFlags();
if (values.help) {
  console.log(usage);
  process.exit(0);
}

function report({ seed, failure }: RunResult): void {
  if (failure) console.log(`seed ${seed} FAILED: ${failure}\n  replay: node sim/main.ts --replay ${seed}`);
}

function main(): number {
  if (values.replay !== undefined) {
    const result = runSeed(Number(values.replay));
    console.log(JSON.stringify(result, undefined, 2));
    report(result);
    return result.failure ? 1 : 0;
  }
  const first = Number(values.first ?? 1);
  const count = Number(values.seeds ?? 100);
  const totals = { failed: 0, events: 0, elections: 0, committed: 0, acknowledged: 0, crashes: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const result = runSeed(seed);
    report(result);
    if (result.failure) totals.failed++;
    if (result.failure && values['fail-fast']) return 1;
    for (const key of ['events', 'elections', 'committed', 'acknowledged', 'crashes'] as const)
      totals[key] += result[key];
  }
  console.log(`seeds ${first} to ${first + count - 1}: ${JSON.stringify(totals)}`);
  // A run that did nothing proves nothing.
  const idle = totals.acknowledged === 0 || totals.elections === 0;
  if (idle) console.log('FAILED: nothing was acknowledged');
  return totals.failed > 0 || idle ? 1 : 0;
}

process.exitCode = main();
