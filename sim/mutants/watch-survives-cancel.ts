import { mutant } from './mutant.ts';

export default mutant(
  'watch-survives-cancel',
  'A watch that was cancelled while it caught up must not go on.',
  'store/watch-hub.ts',
  `if (watcher.phase !== 'catching-up') return;
    if (this.#closeIfCompacted`,
  `if (watcher.phase === 'live') return;
    if (this.#closeIfCompacted`,
);
