import { mutant } from './mutant.ts';

export default mutant(
  'change-without-joint',
  'Several voters at once, or one for another, must go through a joint configuration.',
  'raft/core/membership.ts',
  '      outgoing: configuration.incoming,',
  '      outgoing: [],',
);
