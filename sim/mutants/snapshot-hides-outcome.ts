import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-hides-outcome',
  'What a snapshot has jumped over may be in it: its outcome is unknown, not refused.',
  'raft/proposal-tracker.ts',
  "this.failed(lost, 'unknown',",
  "this.failed(lost, 'refused',",
);
