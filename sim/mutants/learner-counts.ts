import { mutant } from './mutant.ts';

export default mutant(
  'learner-counts',
  'A learner acknowledges, but it is no voter.',
  'raft/core/quorum.ts',
  'majorityIndex(configuration.incoming, acknowledged),',
  'majorityIndex([...configuration.incoming, ...configuration.learners], acknowledged),',
);
