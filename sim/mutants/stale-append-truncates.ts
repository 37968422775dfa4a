import { mutant } from './mutant.ts';

export default mutant(
  'stale-append-truncates',
  'An append that comes late or twice must not cut off what followed it.',
  'raft/core/log.ts',
  'const conflict = entries.findIndex((entry) => !this.matches(entry.index, entry.term));',
  'const conflict = entries.length > 0 ? 0 : -1;',
);
