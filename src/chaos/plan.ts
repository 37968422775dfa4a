/** Which faults, when, for how long: decided before the run by a seed, so that a run can be had again. Who leads is found out when the time comes. */
import { Prng } from '../lib/prng.ts';
import type { FaultKind } from './types.ts';

export interface PlannedFault {
  /** Since the start of the run. A fault waits until the one before it is healed. */
  readonly atMs: number;
  readonly holdMs: number;
  readonly kind: FaultKind;
  /** Seed for what the fault itself chooses. */
  readonly seed: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** A kind that is named twice comes twice as often. */
  readonly faults: readonly FaultKind[];
  /** Mean time from one fault to the next. */
  readonly everyMs: number;
}

/** The beginning and the end of a run are quiet: there is something to compare with. */
export const quietStartMs = 2_000;
const quietEndMs = 1_000;

const holds: Record<FaultKind, readonly [lowMs: number, highMs: number]> = {
  kill: [200, 1_500],
  'kill-all': [200, 1_000],
  restart: [100, 500],
  'rolling-restart': [0, 0],
  pause: [500, 3_000],
  partition: [500, 3_000],
  loss: [1_000, 4_000],
  delay: [1_000, 4_000],
  clock: [1_000, 4_000],
  'disk-full': [1_500, 3_000],
  'disk-error': [1_500, 3_000],
  'disk-slow': [1_500, 4_000],
};

export function planFaults(options: PlanOptions): PlannedFault[] {
  if (options.faults.length === 0) return [];
  const prng = new Prng(options.seed);
  const planned: PlannedFault[] = [];
  // Every kind has its turn before one comes again: short runs too have all of them.
  let bag: FaultKind[] = [];
  for (let atMs = quietStartMs; ; atMs += Math.round(options.everyMs * (0.5 + prng.float()))) {
    if (bag.length === 0) bag = shuffled(options.faults, prng);
    const kind = bag.pop()!;
    const [lowMs, highMs] = holds[kind];
    const holdMs = prng.integer(lowMs, Math.max(lowMs, Math.min(highMs, options.everyMs)));
    if (atMs + holdMs > options.durationMs - quietEndMs) return planned;
    planned.push({ atMs, holdMs, kind, seed: prng.uint32() });
  }
}

function shuffled<T>(items: readonly T[], prng: Prng): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const other = prng.integer(0, i);
    [result[i], result[other]] = [result[other]!, result[i]!];
  }
  return result;
}
