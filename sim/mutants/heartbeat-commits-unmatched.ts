import { mutant } from './mutant.ts';

export default mutant(
  'heartbeat-commits-unmatched',
  'A heartbeat carries the commit index of the leader, not what the follower is known to have.',
  'raft/core/replicator.ts',
  'const commit = Math.min(progress.match, log.committed);',
  'const commit = log.committed;',
);
