import { mutant } from './mutant.ts';

export default mutant(
  'snapshot-with-uncommitted-configuration',
  'A snapshot carries the membership as of its index.',
  'raft/node.ts',
  'configuration: this.core.log.configurations.at(index).configuration };',
  'configuration: this.core.configuration };',
);
