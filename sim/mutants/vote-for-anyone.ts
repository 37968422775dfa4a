import { mutant } from './mutant.ts';

export default mutant(
  'vote-for-anyone',
  'One vote per term.',
  'raft/core/raft.ts',
  'this.vote === from || (this.vote === 0 && this.leaderId === 0)',
  'this.vote === from || this.leaderId === 0',
);
