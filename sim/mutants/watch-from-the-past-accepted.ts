import { mutant } from './mutant.ts';

export default mutant(
  'watch-from-the-past-accepted',
  'A watch from a compacted revision is refused.',
  'store/watch-hub.ts',
  `this.#checkNotCompacted(nextRevision, 'compacted');
    if (this.#watchers`,
  'if (this.#watchers',
);
