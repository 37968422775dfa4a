/**
 * Majorities over one set of voters, and over two while the membership changes (Raft dissertation, section 4.3):
 * a joint decision needs a majority of each set. An empty set agrees with everything, so that a configuration that is not joint
 * is a joint one whose outgoing set is empty.
 */
import type { Configuration } from './types.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

/** Highest index that a majority of `voters` has acknowledged. Infinity for no voters. */
export function majorityIndex(voters: readonly number[], acknowledged: (id: number) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const indexes = voters.map(acknowledged).sort((a, b) => b - a);
  return indexes[voters.length >> 1]!;
}

export function majorityVote(voters: readonly number[], votes: ReadonlyMap<number, boolean>): VoteResult {
  if (voters.length === 0) return 'won';
  const needed = (voters.length >> 1) + 1;
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
}

/** Highest index that is committed under the whole configuration. */
export function quorumIndex(configuration: Configuration, acknowledged: (id: number) => number): number {
  return Math.min(
    majorityIndex(configuration.incoming, acknowledged),
    majorityIndex(configuration.outgoing, acknowledged),
  );
}

export function quorumVote(configuration: Configuration, votes: ReadonlyMap<number, boolean>): VoteResult {
  const incoming = majorityVote(configuration.incoming, votes);
  const outgoing = majorityVote(configuration.outgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

export function isVoter(configuration: Configuration, id: number): boolean {
  return configuration.incoming.includes(id) || configuration.outgoing.includes(id);
}

/** Everyone who gets entries: voters of both sets and learners, each once, in ascending order. */
export function allMembers(configuration: Configuration): number[] {
  const all = new Set([...configuration.incoming, ...configuration.outgoing, ...configuration.learners]);
  return [...all].sort((a, b) => a - b);
}
