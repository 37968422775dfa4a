import { mutant } from './mutant.ts';

export default mutant(
  'repropose-too-early',
  'An entry of the same term says nothing about what is still on its way.',
  'raft/proposal-tracker.ts',
  'this.#release((sent) => sent.term < term)',
  'this.#release((sent) => sent.term <= term)',
);
