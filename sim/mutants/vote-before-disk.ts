import { mutant } from './mutant.ts';

export default mutant(
  'vote-before-disk',
  'A vote leaves before it is on disk.',
  'raft/core/raft.ts',
  `    this.#sendAfterWrite({
      type: preVote ?`,
  `    this.#send({
      type: preVote ?`,
);
