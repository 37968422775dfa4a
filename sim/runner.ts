/** Runs seeds on all cores, and hunts mutants: product sources with one known mistake, which the simulator must find. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Mutant } from './mutants/mutant.ts';
import type { Patch } from './runtime/hooks.ts';
import type { Task, TaskResult, WorkerOptions } from './worker.ts';
import type { RunOptions, RunResult } from './world.ts';

/** Seeds that a worker gets at a time. */
const taskSeeds = 10;

/** One thread with the product (and its mistake) loaded. */
export class SimulationThread {
  readonly #worker: Worker;

  constructor(patches: readonly Patch[] = []) {
    const workerData: WorkerOptions = { patches };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, stderr: false });
  }

  run(task: Task): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#worker.off('message', onMessage);
        this.#worker.off('error', onError);
      };
      const onMessage = (result: TaskResult) => {
        settle();
        resolve(result);
      };
      const onError = (error: Error) => {
        settle();
        reject(error);
      };
      this.#worker.on('message', onMessage);
      this.#worker.on('error', onError);
      this.#worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

export interface SeedRun {
  readonly seeds: readonly number[];
  readonly options?: RunOptions;
  readonly patches?: readonly Patch[];
  readonly stopAtFailure?: boolean;
  readonly threads?: number;
  /** As they come; not in order. */
  readonly onResult: (result: RunResult) => void;
}

export async function runSeeds(run: SeedRun): Promise<void> {
  const { seeds, options = {}, patches = [], stopAtFailure = false, onResult } = run;
  let next = 0;
  let stopped = false;
  const work = async () => {
    const thread = new SimulationThread(patches);
    try {
      while (next < seeds.length && !stopped) {
        const part = seeds.slice(next, next + taskSeeds);
        next += part.length;
        for (const result of await thread.run({ seeds: part, options, stopAtFailure })) {
          onResult(result);
          if (result.failure !== undefined && stopAtFailure) stopped = true;
        }
      }
    } finally {
      await thread.end();
    }
  };
  const threads = Math.min(run.threads ?? availableParallelism(), Math.ceil(seeds.length / taskSeeds));
  await Promise.all(Array.from({ length: Math.max(1, threads) }, work));
}

export interface Hunt {
  readonly mutant: Mutant;
  /** How many seeds it took; undefined: it survived `tried` of them. */
  readonly foundAfter: number | undefined;
  readonly tried: number;
  readonly failure: string | undefined;
  readonly seed: number | undefined;
}

export const maxMutantSeeds = 1_000;

/**
 * Runs seeds from `first` on against the mutant until one fails.
 * @throws Error when the mutant cannot be applied, or only breaks the program instead of making a mistake
 */
export async function hunt(
  mutant: Mutant,
  maxSeeds = maxMutantSeeds,
  options: RunOptions = {},
  first = 1,
): Promise<Hunt> {
  const thread = new SimulationThread(mutant.patches);
  try {
    for (let tried = 0; tried < maxSeeds; ) {
      const count = Math.min(tried < 20 ? 5 : 20, maxSeeds - tried);
      const seeds = Array.from({ length: count }, (_, position) => first + tried + position);
      const results = await thread.run({ seeds, options, stopAtFailure: true });
      tried += results.length;
      const last = results.at(-1)!;
      if (last.failure === undefined) continue;
      // A mistake that the simulator judges, not a program that no longer runs.
      if (/^error: (Type|Reference|Syntax|Range)Error/.test(last.failure))
        throw new Error(`mutant "${mutant.name}" does not run: ${last.failure}`);
      return { mutant, foundAfter: tried, tried, failure: last.failure, seed: last.seed };
    }
    return { mutant, foundAfter: undefined, tried: maxSeeds, failure: undefined, seed: undefined };
  } finally {
    await thread.end();
  }
}

/** All of them, one per core at a time. */
export async function huntAll(
  mutants: readonly Mutant[],
  maxSeeds: number,
  onHunted: (hunted: Hunt) => void,
): Promise<Hunt[]> {
  const waiting = [...mutants];
  const hunts: Hunt[] = [];
  const work = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const hunted = await hunt(mutant, maxSeeds);
      hunts.push(hunted);
      onHunted(hunted);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return hunts;
}
