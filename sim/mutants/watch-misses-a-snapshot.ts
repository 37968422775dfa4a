import { mutant } from './mutant.ts';

export default mutant(
  'watch-misses-a-snapshot',
  'A replica that catches up by a snapshot owes its watches what they missed (etcd: unsynced watchers after restore).',
  'store/watch-hub.ts',
  'if (watcher.nextRevision > state.revision) continue;',
  'continue;',
);
