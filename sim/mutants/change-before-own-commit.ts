import { mutant } from './mutant.ts';

export default mutant(
  'change-before-own-commit',
  "Ongaro's note of 2015 on single-server changes: a new leader must commit an entry of its own before it changes the membership.",
  'raft/core/leader.ts',
  'if (this.transferring || !this.committedInTerm)',
  'if (this.transferring)',
);
