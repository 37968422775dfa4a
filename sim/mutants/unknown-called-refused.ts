import { mutant } from './mutant.ts';

export default mutant(
  'unknown-called-refused',
  'A proposal that may be in the log must not be called refused.',
  'raft/proposal-tracker.ts',
  "this.failed(unknown, 'unknown',",
  "this.failed(unknown, 'no-leader',",
);
