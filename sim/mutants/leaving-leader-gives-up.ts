import { mutant } from './mutant.ts';

export default mutant(
  'leaving-leader-gives-up',
  'Found by this simulator: a leader that removes itself must stand for election until that is committed; nobody else may have the log to win.',
  'raft/core/raft.ts',
  '      (configurations.current.index > committed && isVoter(configurations.at(committed).configuration, this.id))',
  '      false',
);
