import { mutant } from './mutant.ts';

export default mutant(
  'append-without-previous-check',
  'Log matching rests on the check of the entry before.',
  'raft/core/log.ts',
  'if (!this.matches(index, logTerm)) return undefined;',
  'if (index > this.lastIndex()) return undefined;',
);
