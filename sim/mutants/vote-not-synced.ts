import { mutant } from './mutant.ts';

export default mutant(
  'vote-not-synced',
  'A vote that a crash forgets can be given twice.',
  'raft/core/raft.ts',
  'mustSync: promised || entries',
  'mustSync: entries',
);
