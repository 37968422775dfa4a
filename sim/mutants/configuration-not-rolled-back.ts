import { mutant } from './mutant.ts';

export default mutant(
  'configuration-not-rolled-back',
  'A configuration that is cut off the log again gives way to the one before.',
  'raft/core/configuration-history.ts',
  'if (this.current.index >= first) this',
  'if (this.current.index < 0) this',
);
