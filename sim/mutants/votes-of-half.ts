import { mutant } from './mutant.ts';

export default mutant(
  'votes-of-half',
  'An even half is no majority.',
  'raft/core/quorum.ts',
  'const needed = (voters.length >> 1) + 1;',
  'const needed = (voters.length + 1) >> 1;',
);
