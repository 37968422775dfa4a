import { mutant } from './mutant.ts';

export default mutant(
  'compaction-takes-the-current',
  'Compaction keeps what a key was at its revision.',
  'store/key-history.ts',
  'return first > 0 && !isTombstone(this.#older[first - 1]!) ? first - 1 : first;',
  'return first;',
);
