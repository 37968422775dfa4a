import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-over-newer-log',
  'A snapshot older than what is committed here must not replace it.',
  'raft/core/raft.ts',
  'if (snapshot.index > this.log.committed) {',
  'if (snapshot.index > 0) {',
);
