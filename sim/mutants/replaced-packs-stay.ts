import { mutant } from './mutant.ts';

export default mutant(
  'replaced-packs-stay',
  'What a new leader has replaced must not come back with a restart.',
  'raft/rocks-log-storage.ts',
  'at >= 0 && this.#packs[at]! >= from; at--)',
  'at >= this.#packs.length && this.#packs[at]! >= from; at--)',
);
