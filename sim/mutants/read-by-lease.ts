import { mutant } from './mutant.ts';

export default mutant(
  'read-by-lease',
  'A lease measured in ticks proves nothing where clocks run at different rates or a process stood still.',
  'raft/core/leader.ts',
  'if (alone) this.#host.answerRead(from, context, request.index);',
  'if (alone || this.#hasQuorum()) this.#host.answerRead(from, context, request.index);',
);
