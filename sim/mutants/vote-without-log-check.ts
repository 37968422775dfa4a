import { mutant } from './mutant.ts';

export default mutant(
  'vote-without-log-check',
  'OpenRaft #1220: a candidate counted as voted for before anybody had compared logs.',
  'raft/core/raft.ts',
  'const granted = free && this.log.isUpToDate(received.index, received.logTerm);',
  'const granted = free;',
);
