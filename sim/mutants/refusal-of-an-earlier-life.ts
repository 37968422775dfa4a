import { mutant } from './mutant.ts';

export default mutant(
  'refusal-of-an-earlier-life',
  'Found by this simulator: a refusal that came after a restart released another attempt, which was then proposed twice.',
  'raft/node.ts',
  'if (origin !== this.#options.origin) return;',
  '',
);
