import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-name-not-synced',
  'A name that the folder has not synced is gone after a power failure, and with it the only copy of what was cut off.',
  'raft/snapshot-file.ts',
  '  await folder.sync();',
  '',
);
