import fc from 'fast-check';
import { expect, test } from 'vitest';
import { majorityIndex, quorumIndex, quorumVote } from './quorum.ts';

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 });
const acknowledged = fc.array(fc.nat(20), { minLength: 10, maxLength: 10 });

test('majorityIndex is the highest index that more than half have', () => {
  fc.assert(
    fc.property(ids, acknowledged, (voters, indexes) => {
      const index = majorityIndex(voters, (id) => indexes[id]!);
      const having = (wanted: number) => voters.filter((id) => indexes[id]! >= wanted).length;
      expect(having(index)).toBeGreaterThan(voters.length / 2);
      expect(having(index + 1)).not.toBeGreaterThan(voters.length / 2);
    }),
  );
});

test('a joint decision needs a majority of both sets', () => {
  fc.assert(
    fc.property(
      ids,
      ids,
      fc.array(fc.option(fc.boolean()), { minLength: 10, maxLength: 10 }),
      (incoming, outgoing, said) => {
        const votes = new Map<number, boolean>();
        for (const [id, vote] of said.entries()) if (vote !== null) votes.set(id, vote);
        const granted = (voters: readonly number[]) => voters.filter((id) => votes.get(id)).length > voters.length / 2;
        const refused = (voters: readonly number[]) =>
          voters.filter((id) => votes.get(id) === false).length >= voters.length / 2;
        const result = quorumVote({ members: [], incoming, outgoing, learners: [] }, votes);
        expect(result === 'won').toBe(granted(incoming) && granted(outgoing));
        expect(result === 'lost').toBe(refused(incoming) || refused(outgoing));
      },
    ),
  );
});

test('a configuration that is not joint ignores the empty set, and learners count nowhere', () => {
  const configuration = { members: [], incoming: [1, 2, 3], outgoing: [], learners: [4] };
  const indexes: Record<number, number> = { 1: 5, 2: 3, 3: 1, 4: 9 };
  expect(quorumIndex(configuration, (id) => indexes[id]!)).toBe(3);
});
