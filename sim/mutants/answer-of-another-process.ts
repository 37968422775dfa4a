import { mutant } from './mutant.ts';

export default mutant(
  'answer-of-another-process',
  'A proposal settles with its own entry, not with one of the same number that another process proposed.',
  'raft/raft-node.ts',
  'if (origin === this.#origin) settled.push',
  'if (origin !== 0) settled.push',
);
