import { mutant } from './mutant.ts';

export default mutant(
  'own-vote-before-disk',
  'A candidate counts its own vote before it is on disk, wins, crashes and votes for another.',
  'raft/core/raft.ts',
  "if (kind === 'pre-vote') this.#countVote(this.id, true);",
  'this.#countVote(this.id, true);',
);
