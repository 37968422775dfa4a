import { mutant } from './mutant.ts';

export default mutant(
  'vote-not-stored',
  'The term is kept over a restart, the vote in it is not.',
  'raft/rocks-log-storage.ts',
  'packNumbers([hardState.term, hardState.vote, hardState.commit])',
  'packNumbers([hardState.term, 0, hardState.commit])',
);
