import { mutant } from './mutant.ts';

export default mutant(
  'leader-counts-unwritten-own',
  'The leader itself counts only with what is on its disk.',
  'raft/core/raft.ts',
  'if (this.#leader) this.#leader.acknowledgeOwn(this.log.unstable.offset - 1);',
  'if (this.#leader) this.#leader.acknowledgeOwn(this.log.lastIndex());',
);
