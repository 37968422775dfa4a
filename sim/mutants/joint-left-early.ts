import { mutant } from './mutant.ts';

export default mutant(
  'joint-left-early',
  'A joint configuration is left only when it is committed.',
  'raft/core/leader.ts',
  `    if (index > log.committed) return;
    const final`,
  '    const final',
);
