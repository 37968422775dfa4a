import { mutant } from './mutant.ts';

export default mutant(
  'vote-for-shorter-log',
  'Only a candidate that has everything committed may win (section 5.4.1).',
  'raft/core/log.ts',
  '(lastTerm === ownTerm && lastIndex >= this.lastIndex())',
  'lastTerm === ownTerm',
);
