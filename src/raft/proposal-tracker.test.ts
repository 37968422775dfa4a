import { expect, test } from 'vitest';
import { type ProposalFailure, ProposalTracker } from './proposal-tracker.ts';

const origin = 7;
const pending = (sequence: number, deadlineMs = 100) => ({
  proposed: { kind: 'command', origin, sequence, command: new Uint8Array(1) } as const,
  deadlineMs,
});
const committed = (index: number, term: number, sequence = 0) => ({
  index,
  term,
  origin: sequence > 0 ? origin : 0,
  sequence,
  kind: 'command' as const,
  command: new Uint8Array(1),
});

function sentInTerm2(): { tracker: ProposalTracker; failures: ProposalFailure[] } {
  const failures: ProposalFailure[] = [];
  const tracker = new ProposalTracker(origin, (failed) => failures.push(...failed));
  tracker.add([pending(1), pending(2)]);
  tracker.sent(tracker.take(1_000), 2, 11);
  return { tracker, failures };
}

test('what is seen committed is settled, the rest waits again once a later term is committed', () => {
  const { tracker } = sentInTerm2();
  expect(tracker.committed([committed(5, 2, 1)])).toBe(false);
  expect([tracker.sentCount, tracker.waitingCount]).toEqual([1, 0]);
  expect(tracker.committed([committed(6, 3)])).toBe(true);
  expect([tracker.sentCount, tracker.waitingCount]).toEqual([0, 1]);
});

test('a refusal releases its own attempt only', () => {
  const { tracker } = sentInTerm2();
  expect(tracker.refused(10)).toBe(0);
  expect(tracker.refused(11)).toBe(2);
  expect(tracker.waitingCount).toBe(2);
});

test('at the deadline what waits fails as no-leader, what was sent as unknown', () => {
  const { tracker, failures } = sentInTerm2();
  tracker.add([pending(3)]);
  tracker.expire(100);
  expect(failures.map(({ sequence, code }) => [sequence, code])).toEqual([
    [3, 'no-leader'],
    [1, 'unknown'],
    [2, 'unknown'],
  ]);
});

test('a snapshot makes unknown what it may contain, and nothing later', () => {
  const { tracker, failures } = sentInTerm2();
  tracker.add([pending(3)]);
  tracker.sent(tracker.take(1_000), 4, 12);
  tracker.restored(3);
  expect(failures.map(({ sequence, code }) => [sequence, code])).toEqual([
    [1, 'unknown'],
    [2, 'unknown'],
  ]);
  expect(tracker.sentCount).toBe(1);
});
