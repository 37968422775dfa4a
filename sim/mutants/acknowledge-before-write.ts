import { mutant } from './mutant.ts';

export default mutant(
  'acknowledge-before-write',
  'What is promised must be on disk first.',
  'raft/core/raft.ts',
  'this.#sendAfterWrite({ ...answer, index: last });',
  'this.#send({ ...answer, index: last });',
);
