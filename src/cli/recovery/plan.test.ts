import { describe, expect, test } from 'vitest';
import { type Candidate, planRecovery, renderCandidates } from './plan.ts';

const candidate = (name: string, changes: Partial<Candidate> = {}): Candidate => ({
  name,
  running: false,
  dataDir: `/data/${name}`,
  state: 'ok',
  identity: { clusterId: 'c', memberId: Number(name.slice(1)) },
  term: 3,
  commitIndex: 10,
  snapshotIndex: 0,
  firstIndex: 1,
  lastIndex: 12,
  lastTerm: 3,
  ...changes,
});
const missing = (name: string) => candidate(name, { state: 'missing', lastIndex: 0, lastTerm: 0 });

describe('planRecovery', () => {
  test('refuses while the data of a quorum is there, also when nobody runs', () => {
    const plan = planRecovery([candidate('m1'), candidate('m2'), missing('m3')], 'c');
    expect(plan).toMatchObject({ type: 'refuse', reason: expect.stringContaining('2 of 3') });
  });

  test('takes the higher term before the longer log', () => {
    const all = ['m1', 'm2', 'm3', 'm4', 'm5'];
    const plan = planRecovery(
      all.map((name) =>
        name === 'm2'
          ? candidate(name, { lastTerm: 2, lastIndex: 99 })
          : name === 'm4'
            ? candidate(name)
            : missing(name),
      ),
      'c',
    );
    expect(plan).toMatchObject({ type: 'recover', from: { name: 'm4' } });
    expect(plan.type === 'recover' && plan.losses.join('\n')).toMatch(
      /m1 and m3 and m5.*lost[\s\S]*last 2 entries[\s\S]*m2 is behind m4/,
    );
  });

  test('damaged data and data of another epoch count as lost', () => {
    const damaged = candidate('m2', { state: 'damaged', problem: 'entry 4 fails its checksum' });
    const old = candidate('m3', { identity: { clusterId: 'c#2', memberId: 3 } });
    const plan = planRecovery([candidate('m1'), damaged, old], 'c');
    expect(plan).toMatchObject({ type: 'recover', from: { name: 'm1' } });
    expect(renderCandidates([damaged])).toContain('m2: entry 4 fails its checksum');
    expect(planRecovery([damaged, old, missing('m1')], 'c')).toMatchObject({
      type: 'refuse',
      reason: expect.stringContaining('backup restore'),
    });
  });
});
