import { mutant } from './mutant.ts';

export default mutant(
  'read-before-own-commit',
  'A new leader does not know yet what is committed.',
  'raft/core/leader.ts',
  '    if (!this.committedInTerm) {',
  '    if (this.#host.log.committed < 0) {',
);
