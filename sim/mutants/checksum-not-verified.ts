import { mutant } from './mutant.ts';

export default mutant(
  'checksum-not-verified',
  'Rot that a checksum would have shown is applied.',
  'raft/entry-codec.ts',
  'if (entryChecksum(entry) !== entry.checksum)',
  'if (entry.index < 0)',
);
