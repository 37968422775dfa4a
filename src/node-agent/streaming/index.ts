export type { CommandExecutor, ExecRequest } from './exec.ts';
export type { StreamingBackend } from './handle-upgrade.ts';
export { type StreamingServer, type StreamingServerOptions, startStreamingServer } from './server.ts';
