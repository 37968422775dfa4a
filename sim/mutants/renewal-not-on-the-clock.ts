import { mutant } from './mutant.ts';

export default mutant(
  'renewal-not-on-the-clock',
  'A renewal starts the time anew on every replica, also on one that will lead later.',
  'store/lease-clock.ts',
  'else this.#start(lease);',
  "else if (type !== 'renewed') this.#start(lease);",
);
