import { mutant } from './mutant.ts';

export default mutant(
  'read-without-round',
  'A leader that was deposed without knowing must not answer reads.',
  'raft/core/leader.ts',
  'if (alone) this.#host.answerRead(from, context, request.index);',
  'if (alone || true) this.#host.answerRead(from, context, request.index);',
);
