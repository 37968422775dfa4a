import { mutant } from './mutant.ts';

export default mutant(
  'forward-in-any-term',
  'A forward that comes late must not enter the log of a later term.',
  'raft/node.ts',
  'this.core.term === term ? this.#proposeHere',
  'this.core.term >= term ? this.#proposeHere',
);
