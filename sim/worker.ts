/** A worker thread of the runner: loads the product with the given mistake (or none) and runs seeds until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../src/lib/assert.ts';
import { installHooks, type Patch } from './runtime/hooks.ts';
import type { RunOptions, RunResult } from './world.ts';

export interface WorkerOptions {
  readonly patches: readonly Patch[];
}

export interface Task {
  readonly seeds: readonly number[];
  readonly options: RunOptions;
  /** End the task at the first seed that fails. */
  readonly stopAtFailure: boolean;
}

export type TaskResult = readonly RunResult[];

assert(parentPort, 'sim/worker.ts runs as a worker thread only');
const port = parentPort;
installHooks((workerData as WorkerOptions).patches);
const { runSeed } = await import('./world.ts');

port.on('message', ({ seeds, options, stopAtFailure }: Task) => {
  const results: RunResult[] = [];
  for (const seed of seeds) {
    const result = runSeed(seed, options);
    // The same seed gives the same run: its story costs nothing until somebody wants it.
    results.push(result.failure !== undefined && !options.trace ? runSeed(seed, { ...options, trace: true }) : result);
    if (result.failure !== undefined && stopAtFailure) break;
  }
  port.postMessage(results satisfies TaskResult);
});
