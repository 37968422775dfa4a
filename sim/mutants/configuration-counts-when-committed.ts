import { mutant } from './mutant.ts';

export default mutant(
  'configuration-counts-when-committed',
  'A configuration counts from the moment when it is in the log, not when it is committed.',
  'raft/core/leader.ts',
  `  get #configuration(): Configuration {
    return this.#host.log.configurations.current.configuration;`,
  `  get #configuration(): Configuration {
    return this.#host.log.configurations.at(this.#host.log.committed).configuration;`,
);
