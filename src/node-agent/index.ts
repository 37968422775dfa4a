export { type Agent, startAgent } from './agent.ts';
export type { AgentConfig } from './config.ts';
export { buildBaseImages, importImage } from './images/index.ts';
