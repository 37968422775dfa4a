import { mutant } from './mutant.ts';

export default mutant(
  'joint-commit-by-new-only',
  'A joint decision needs a majority of the old voters too.',
  'raft/core/quorum.ts',
  'majorityIndex(configuration.outgoing, acknowledged),',
  'Number.POSITIVE_INFINITY,',
);
