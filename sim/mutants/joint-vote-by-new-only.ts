import { mutant } from './mutant.ts';

export default mutant(
  'joint-vote-by-new-only',
  'An election under a joint configuration needs a majority of the old voters too.',
  'raft/core/quorum.ts',
  'const outgoing = majorityVote(configuration.outgoing, votes);',
  'const outgoing = majorityVote([], votes);',
);
