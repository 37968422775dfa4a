import { mutant } from './mutant.ts';

export default mutant(
  'commit-at-smaller-half',
  'The index that half of the voters have is not that of a majority.',
  'raft/core/quorum.ts',
  'return indexes[voters.length >> 1]!;',
  'return indexes[Math.max(0, (voters.length - 1) >> 1)]!;',
);
