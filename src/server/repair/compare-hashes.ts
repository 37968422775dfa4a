/** Which replicas differ, from the hashes that they have at the same mark in the log. Pure. */
export interface Mark {
  readonly index: number;
  readonly revision: number;
  readonly hash: string;
}

export interface ReplicaMarks {
  readonly id: number;
  readonly marks: readonly Mark[];
}

export type Verdict =
  | { readonly type: 'equal' }
  /** A majority of all members has another hash than these. */
  | { readonly type: 'differ'; readonly ids: readonly number[]; readonly index: number; readonly revision: number }
  /** They differ, and no majority says which is right. */
  | { readonly type: 'undecided'; readonly ids: readonly number[]; readonly index: number; readonly revision: number };

/** `voters`: how many there are, also those that did not answer. The newest mark that shows a difference decides. */
export function compareHashes(replicas: readonly ReplicaMarks[], voters: number): Verdict {
  const quorum = Math.floor(voters / 2) + 1;
  const byIndex = new Map<number, Map<string, number[]>>();
  for (const { id, marks } of replicas) {
    for (const { index, revision, hash } of marks) {
      // Replicas whose state differs may differ in their revision too.
      const text = `${revision} ${hash}`;
      const groups = byIndex.get(index) ?? new Map<string, number[]>();
      groups.set(text, [...(groups.get(text) ?? []), id]);
      byIndex.set(index, groups);
    }
  }
  for (const [index, groups] of [...byIndex].sort(([a], [b]) => b - a)) {
    if (groups.size < 2) continue;
    const [largest, ...others] = [...groups].sort(([, a], [, b]) => b.length - a.length);
    const revision = Number(largest![0].split(' ')[0]);
    if (largest![1].length >= quorum)
      return { type: 'differ', ids: others.flatMap(([, ids]) => ids).sort((a, b) => a - b), index, revision };
    const ids = [...groups.values()].flat().sort((a, b) => a - b);
    return { type: 'undecided', ids, index, revision };
  }
  return { type: 'equal' };
}
