import { mutant } from './mutant.ts';

export default mutant(
  'vote-not-stored',
  'The term is kept over a restart, the vote in it is not.',
  'raft/core/raft.ts',
  '{ term: this.term, vote: this.vote, commit: this.log.committed } : undefined',
  '{ term: this.term, vote: 0, commit: this.log.committed } : undefined',
);
