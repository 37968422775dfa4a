export { Call, type Method, type PeerIdentity, type StreamHandler, type UnaryHandler } from './call.ts';
export { ProtoReader } from './proto-reader.ts';
export { ProtoWriter } from './proto-writer.ts';
export { LeanServer, type LeanServerOptions } from './server.ts';
export { GrpcError, type GrpcStatus, grpcStatus } from './status.ts';
