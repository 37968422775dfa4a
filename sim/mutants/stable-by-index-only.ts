import { mutant } from './mutant.ts';

export default mutant(
  'stable-by-index-only',
  'An entry that was replaced while it was being written is not the one on disk.',
  'raft/core/unstable-log.ts',
  'if (index < this.offset || this.term(index) !== term) return;',
  'if (index < this.offset || index >= this.offset + this.entries.length) return;',
);
