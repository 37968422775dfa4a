import { expect, test } from 'vitest';
import { planFaults, quietStartMs } from './plan.ts';
import type { FaultKind } from './types.ts';

const options = { seed: 5, durationMs: 60_000, everyMs: 3_000, faults: ['kill', 'pause', 'partition'] as FaultKind[] };

test('the same seed gives the same faults, another seed others', () => {
  expect(planFaults(options)).toEqual(planFaults(options));
  expect(planFaults({ ...options, seed: 6 })).not.toEqual(planFaults(options));
});

test('faults are in order, about as often as asked for, after a quiet start and healed before the end', () => {
  const planned = planFaults(options);
  expect(planned.length).toBeGreaterThan(14);
  expect(planned.length).toBeLessThan(27);
  expect(planned[0]!.atMs).toBe(quietStartMs);
  for (const [index, { atMs, holdMs }] of planned.entries()) {
    if (index > 0) expect(atMs).toBeGreaterThan(planned[index - 1]!.atMs);
    expect(atMs + holdMs).toBeLessThan(options.durationMs);
  }
});

test('every kind has its turn before one comes again', () => {
  const kinds = planFaults(options).map(({ kind }) => kind);
  for (let at = 0; at + 3 <= kinds.length; at += 3) expect(new Set(kinds.slice(at, at + 3)).size).toBe(3);
});

test('without faults there is no plan', () => {
  expect(planFaults({ ...options, faults: [] })).toEqual([]);
});
