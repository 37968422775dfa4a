import { mutant } from './mutant.ts';

export default mutant(
  'read-before-apply',
  'A read index is of use only once it is applied here.',
  'raft/raft-node.ts',
  'if (index === undefined || index > this.#appliedIndex) continue;',
  'if (index === undefined) continue;',
);
