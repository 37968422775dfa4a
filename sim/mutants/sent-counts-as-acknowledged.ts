import { mutant } from './mutant.ts';

export default mutant(
  'sent-counts-as-acknowledged',
  'An answer to one append acknowledges only that one.',
  'raft/core/progress.ts',
  `    this.match = index;
    this.probeSent = false;`,
  `    this.match = Math.max(index, this.next - 1);
    this.probeSent = false;`,
);
