import { mutant } from './mutant.ts';

export default mutant(
  'two-changes-at-once',
  'The next change waits until the last one is committed.',
  'raft/core/leader.ts',
  'if (index > log.committed || isJoint(configuration))',
  'if (isJoint(configuration))',
);
