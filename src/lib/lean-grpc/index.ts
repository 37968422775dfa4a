export { Call, type Method, type PeerIdentity, type StreamHandler, type UnaryHandler } from './call.ts';
export { CallMessages } from './call-messages.ts';
export { ClientStream, type ClientStreamOptions, type ClientTls } from './client-stream.ts';
export type { LeanLimits } from './limits.ts';
export { ProtoReader } from './proto-reader.ts';
export { ProtoWriter } from './proto-writer.ts';
export { LeanServer, type LeanServerOptions, type TlsPems } from './server.ts';
export { GrpcError, type GrpcStatus, grpcStatus } from './status.ts';
