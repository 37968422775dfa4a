import { mutant } from './mutant.ts';

export default mutant(
  'read-round-takes-old-answers',
  'Only answers to a heartbeat that was sent after the read count for it.',
  'raft/core/read-only.ts',
  'if (waiting.round > round) break;',
  'if (waiting.round > round + 1) break;',
);
