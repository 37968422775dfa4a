import { describe, expect, test } from 'vitest';
import { compareHashes, type ReplicaMarks } from './compare-hashes.ts';

const replica = (id: number, ...hashes: (string | undefined)[]): ReplicaMarks => ({
  id,
  marks: hashes.flatMap((hash, at) => (hash === undefined ? [] : [{ index: at + 10, revision: at + 5, hash }])),
});

describe('compareHashes', () => {
  test('equal at every mark that more than one has', () => {
    expect(compareHashes([replica(1, 'a', 'b'), replica(2, 'a', 'b', 'c'), replica(3, undefined, 'b')], 3)).toEqual({
      type: 'equal',
    });
    expect(compareHashes([replica(1, 'a')], 3)).toEqual({ type: 'equal' });
  });

  test('the minority is named', () => {
    expect(compareHashes([replica(1, 'a', 'x'), replica(2, 'a', 'b'), replica(3, 'a', 'b')], 3)).toEqual({
      type: 'differ',
      ids: [1],
      index: 11,
      revision: 6,
    });
  });

  test('the majority is one of all voters, not of those that answered', () => {
    expect(compareHashes([replica(1, 'a'), replica(2, 'b')], 3)).toMatchObject({ type: 'undecided', ids: [1, 2] });
    expect(compareHashes([replica(1, 'a'), replica(2, 'b'), replica(3, 'b')], 5)).toMatchObject({ type: 'undecided' });
    expect(compareHashes([replica(1, 'a'), replica(2, 'b')], 2)).toMatchObject({ type: 'undecided' });
  });

  test('several that differ, also from each other', () => {
    const all = [replica(1, 'a'), replica(2, 'b'), replica(3, 'c'), replica(4, 'b'), replica(5, 'b')];
    expect(compareHashes(all, 5)).toMatchObject({ type: 'differ', ids: [1, 3] });
  });
});
