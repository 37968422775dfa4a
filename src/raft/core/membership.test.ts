import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planAutopilot } from './autopilot.ts';
import {
  assertConsistent,
  decodeConfiguration,
  encodeConfiguration,
  initialConfiguration,
  isJoint,
} from './configuration.ts';
import { decodeChange, encodeChange, leaveJoint, type MembershipView, planChange } from './membership.ts';
import { adaptedElectionTicks, RoundTrips } from './round-trips.ts';
import type { Configuration, MembershipChange } from './types.ts';

const peer = (id: number) => ({ id, name: `m${id}`, address: `m${id}:1` });
const ids = fc.integer({ min: 1, max: 7 });
const changes: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc.record({ type: fc.constant('add-learner' as const), member: ids.map(peer), promote: fc.boolean() }),
  fc.record({ type: fc.constant('promote' as const), id: ids }),
  fc.record({ type: fc.constant('remove' as const), id: ids }),
  fc.record({ type: fc.constant('replace' as const), id: ids, by: ids.map(peer) }),
  fc.record({ type: fc.constant('update-address' as const), id: ids, address: ids.map((id) => `other${id}:1`) }),
);

const view = (configuration: Configuration, dead: ReadonlySet<number>): MembershipView => ({
  configuration,
  state: (id) => ({ active: !dead.has(id), caughtUp: !dead.has(id) }),
});

const majority = (voters: readonly number[], living: (id: number) => boolean) =>
  voters.filter(living).length > voters.length / 2;

test('whatever is asked, configurations stay consistent, majorities overlap, and the new voters have a live majority', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 30 }), fc.uniqueArray(ids, { maxLength: 2 }), (asked, deadIds) => {
      const dead = new Set(deadIds);
      let configuration = initialConfiguration([1, 2, 3].map(peer));
      for (const change of asked) {
        const plan = planChange(view(configuration, dead), change);
        if (!plan.ok) {
          expect(plan.message.length).toBeGreaterThan(10);
          continue;
        }
        assertConsistent(plan.configuration);
        if (isJoint(plan.configuration)) {
          expect(plan.configuration.outgoing).toEqual(configuration.incoming);
          expect(majority(plan.configuration.incoming, (id) => !dead.has(id))).toBe(true);
          expect(planChange(view(plan.configuration, dead), change).ok).toBe(false);
        } else expect(plan.configuration.incoming).toEqual(configuration.incoming);
        configuration = leaveJoint(plan.configuration) ?? plan.configuration;
        assertConsistent(configuration);
        expect(configuration.incoming.length).toBeGreaterThan(0);
      }
    }),
  );
});

test('a configuration and a change survive their encoding; other versions are refused', () => {
  const configuration: Configuration = {
    members: [peer(1), { ...peer(2), promote: true }, { ...peer(3), replaces: 1 }],
    incoming: [1],
    outgoing: [],
    learners: [2, 3],
  };
  expect(decodeConfiguration(encodeConfiguration(configuration))).toEqual(configuration);
  expect(() => decodeConfiguration(Buffer.from('{"version":2}'))).toThrow('format version 2');
  fc.assert(
    fc.property(changes, (change) => {
      expect(decodeChange(encodeChange(change))).toEqual(change);
    }),
  );
  expect(decodeChange(Buffer.from('{"version":1,"type":"merge"}'))).toBeUndefined();
  expect(decodeChange(Buffer.from('{"version":2,"type":"remove","id":1}'))).toBeUndefined();
});

test('the number of members is limited', () => {
  let configuration = initialConfiguration([peer(1)]);
  for (let id = 2; id <= 15; id++) {
    const plan = planChange(view(configuration, new Set()), { type: 'add-learner', member: peer(id) });
    if (!plan.ok) throw new Error(plan.message);
    configuration = plan.configuration;
  }
  expect(planChange(view(configuration, new Set()), { type: 'add-learner', member: peer(16) })).toEqual({
    ok: false,
    message: 'the cluster has 15 members, which is the limit',
  });
});

test('the autopilot promotes only learners that were added for it and have kept up for long enough', () => {
  const configuration: Configuration = {
    members: [peer(1), peer(2), { ...peer(3), promote: true }, { ...peer(4), replaces: 1 }],
    incoming: [1],
    outgoing: [],
    learners: [2, 3, 4],
  };
  const plan = (ticks: Record<number, number>) =>
    planAutopilot({ configuration, caughtUpTicks: (id) => ticks[id], stableTicks: 10 });
  expect(plan({ 2: 100 })).toBeUndefined();
  expect(plan({ 3: 9 })).toBeUndefined();
  expect(plan({ 3: 10, 4: 10 })).toEqual({ type: 'promote', id: 3 });
  expect(plan({ 4: 10 })).toEqual({ type: 'promote', id: 4 });
});

test('election timeouts stay as configured on a fast network and grow within a limit', () => {
  expect(adaptedElectionTicks([15, 30], 3)).toEqual([15, 30]);
  expect(adaptedElectionTicks([15, 30], 10)).toEqual([40, 80]);
  expect(adaptedElectionTicks([15, 30], 1e6)).toEqual([300, 600]);
});

test('the median of a link counts, and of the links the one that completes a majority', () => {
  const trips = new RoundTrips();
  const voters = initialConfiguration([1, 2, 3, 4, 5].map(peer));
  for (const [id, ticks] of [
    [2, 1],
    [3, 7],
    [4, 20],
    [5, 30],
  ] as const)
    for (const sample of [ticks, ticks, 500]) trips.record(id, sample);
  expect(trips.toQuorum(voters, 1)).toBe(7);
  // Nothing was measured yet: what the last leader said.
  trips.follow(12);
  expect(trips.toQuorum(voters, 1)).toBe(12);
});
