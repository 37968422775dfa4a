import { mutant } from './mutant.ts';

export default mutant(
  'mark-not-lowered',
  'The mark of what was synced must be lowered before the log is shortened, else a healthy log is called damaged.',
  'raft/rocks-log-storage.ts',
  'if (untouched < this.#last)',
  'if (untouched < 0)',
);
