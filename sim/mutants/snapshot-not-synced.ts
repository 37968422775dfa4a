import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-not-synced',
  'A snapshot file gets its name only when its content is on disk.',
  'raft/snapshot-file.ts',
  'await this.#attempt(() => this.#file.sync());',
  'await this.#attempt(async () => undefined);',
);
