import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-index-behind-state',
  'etcd 3.5.0 to 3.5.2: the recorded applied index and the state on disk were out of step, so entries were applied twice after a restart.',
  'raft/raft-node.ts',
  'const snapshot = { index: this.#appliedIndex, term',
  'const snapshot = { index: this.#appliedIndex - 1, term',
);
