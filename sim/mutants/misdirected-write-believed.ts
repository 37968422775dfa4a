import { mutant } from './mutant.ts';

export default mutant(
  'misdirected-write-believed',
  'An entry must be the one of its place, not only intact.',
  'raft/rocks-log-storage.ts',
  'const wrong = entries.findIndex(({ index }, position) => index !== first + position);',
  'const wrong = -1;',
);
