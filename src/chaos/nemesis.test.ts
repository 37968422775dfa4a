import { expect, test } from 'vitest';
import { Nemesis } from './nemesis.ts';
import { planFaults } from './plan.ts';
import type { ChaosTarget, FaultKind, MasterState } from './types.ts';

/** Notes what is done to it; `failing` does not come to pass. */
function fakeTarget(failing?: string) {
  const done: string[] = [];
  const note = (what: string) => async (master?: unknown) => {
    done.push(typeof master === 'string' ? `${what} ${master}` : what);
    if (what === failing) throw new Error(`${what} is not possible`);
  };
  const target: ChaosTarget = {
    masters: ['m1', 'm2', 'm3'],
    unavailable: () => undefined,
    state: async (): Promise<MasterState> => ({ role: 'follower', term: 1, revision: 1 }),
    unexpectedEnds: () => [],
    kill: note('kill'),
    stop: note('stop'),
    start: note('start'),
    pause: note('pause'),
    resume: note('resume'),
    block: note('block'),
    shape: note('shape'),
    disk: note('disk'),
    clock: note('clock'),
  };
  return { target, done };
}

function nemesis(
  target: ChaosTarget,
  nowMs: () => number,
  signal = new AbortController().signal,
  faults: FaultKind[] = ['kill'],
) {
  const plan = planFaults({ seed: 1, durationMs: 60_000, everyMs: 1_000, faults }).map((fault) => ({
    ...fault,
    holdMs: 0,
  }));
  return new Nemesis({ target, plan, durationMs: 60_000, nowMs, signal, leader: async () => 'm2' });
}

test('a plan that is behind ends with the run: no fault begins after it', async () => {
  const { target, done } = fakeTarget();
  let nowMs = 50_000;
  const run = nemesis(target, () => (nowMs += 2_000));
  await run.run();
  expect(run.faults.length).toBeGreaterThan(0);
  expect(run.faults.length).toBeLessThan(5);
  expect(done.slice(0, 2)).toEqual(['kill m2', 'start m2']);
});

test('a kind that had no turn yet has it also after the end, once', async () => {
  const { target } = fakeTarget();
  const run = nemesis(target, () => 70_000, undefined, ['kill', 'pause', 'partition']);
  await run.run();
  expect(run.faults.map(({ kind }) => kind).sort()).toEqual(['kill', 'partition', 'pause']);
});

test('after a step that fails everything is healed, and the failure is told', async () => {
  const { target, done } = fakeTarget('kill');
  const controller = new AbortController();
  const run = nemesis(target, () => 10_000, controller.signal);
  const running = run.run();
  setTimeout(() => controller.abort(), 20);
  await running;
  expect(run.failures[0]).toBe('kill: kill is not possible');
  for (const master of target.masters) expect(done).toContain(`start ${master}`);
  expect(done).toContain('block');
});
