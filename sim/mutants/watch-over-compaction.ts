import { mutant } from './mutant.ts';

export default mutant(
  'watch-over-compaction',
  'A watch whose history was compacted is told so, instead of missing events (etcd #8411 and others).',
  'store/watch-hub.ts',
  "if (this.#closeIfCompacted(watcher, 'compacted')) return;",
  '',
);
