export { AgentClient } from './agent-client.ts';
export type { FindNode } from './agent-endpoint.ts';
export { createStreamingProxy, type StreamingProxyOptions } from './proxy.ts';
