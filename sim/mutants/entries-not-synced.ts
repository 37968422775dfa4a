import { mutant } from './mutant.ts';

export default mutant(
  'entries-not-synced',
  'An acknowledged entry must survive a crash.',
  'raft/core/raft.ts',
  ' || entries.length > 0 || snapshot !== undefined',
  '',
);
