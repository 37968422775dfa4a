import { mutant } from './mutant.ts';

export default mutant(
  'commit-earlier-terms',
  'Figure 8 of the Raft paper: entries of earlier terms must not be committed by counting.',
  'raft/core/leader.ts',
  'if (index <= log.committed || !log.matches(index, this.#term)) return;',
  'if (index <= log.committed) return;',
);
