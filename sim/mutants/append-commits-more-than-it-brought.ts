import { mutant } from './mutant.ts';

export default mutant(
  'append-commits-more-than-it-brought',
  'A follower may commit only what the append has shown to be equal.',
  'raft/core/log.ts',
  'this.commitTo(Math.min(commit, lastNew));',
  'this.commitTo(Math.min(commit, this.lastIndex()));',
);
