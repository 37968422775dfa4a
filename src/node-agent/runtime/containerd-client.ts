/** Channels to containerd's unix socket: every call carries the namespace, and the lease that keeps new content from collection. */
import type { DescService } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { GrpcClient } from '../../lib/grpc.ts';

/** The namespace in which containerd's CRI service keeps its containers and images. */
export const CRI_NAMESPACE = 'k8s.io';

/** containerd refuses messages above 16 MiB and so do we. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface ContainerdChannelOptions {
  readonly namespace?: string;
  readonly leaseId?: string;
}

/** Options for a channel to containerd: headers on each call, message limits, and quick reconnects after containerd restarts. */
export function containerdClientOptions(options: ContainerdChannelOptions = {}): grpc.ClientOptions {
  const addHeaders: grpc.Interceptor = (callOptions, nextCall) =>
    new grpc.InterceptingCall(nextCall(callOptions), {
      start(metadata, listener, next) {
        metadata.set('containerd-namespace', options.namespace ?? CRI_NAMESPACE);
        if (options.leaseId !== undefined) metadata.set('containerd-lease', options.leaseId);
        next(metadata, listener);
      },
    });
  return {
    interceptors: [addHeaders],
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // A channel of its own per socket and header set: pooled subchannels are keyed by address only, which is fine, but closing must not surprise others.
    'grpc.use_local_subchannel_pool': 1,
  };
}

/** A client of one of containerd's services on the given socket. The caller closes it. */
export function containerdClient<S extends DescService>(
  service: S,
  socket: string,
  options: ContainerdChannelOptions = {},
): GrpcClient<S> {
  return new GrpcClient(
    service,
    `unix://${socket}`,
    grpc.credentials.createInsecure(),
    containerdClientOptions(options),
  );
}

/** The gRPC status code of an error from a call, or undefined when it is something else. */
export function grpcCode(error: unknown): grpc.status | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
