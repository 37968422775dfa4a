import { type Mutant, mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  mutant(
    'entries-not-synced',
    'an acknowledged entry must survive a crash',
    'raft/core/raft.ts',
    ' || entries.length > 0 || snapshot !== undefined',
    '',
  ),
];
