import { mutant } from './mutant.ts';

export default mutant(
  'apply-while-restoring',
  'Nothing is applied between the announcement of a snapshot and its restoration.',
  'raft/node.ts',
  'const paused = this.#restoringIndex > 0 || this.#unapplied.full();',
  'const paused = this.#unapplied.full();',
);
