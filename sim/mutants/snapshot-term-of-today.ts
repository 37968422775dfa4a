import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-term-of-today',
  'The term of a snapshot is that of its last entry, not the current one.',
  'raft/node.ts',
  'this.#compaction = { index, term, configuration',
  'this.#compaction = { index, term: this.core.term, configuration',
);
