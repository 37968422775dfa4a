import { mutant } from './mutant.ts';

export default mutant(
  'cut-one-too-many',
  'Cutting the log off behind a snapshot must not take what the snapshot has not.',
  'raft/rocks-log-storage.ts',
  '(this.#packs[gone + 1] ?? this.#last + 1) <= cut + 1)',
  '(this.#packs[gone + 1] ?? this.#last + 1) <= cut + 2)',
);
