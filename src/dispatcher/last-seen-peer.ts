/** Another master, asked whom it has heard. */
import type * as grpc from '@grpc/grpc-js';
import { DispatcherService } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { GrpcClient } from '../lib/grpc.ts';
import { peerTimeoutMs } from './limits.ts';

export interface LastSeenPeer {
  readonly name: string;
  /** In the order of the question: milliseconds since the last heartbeat there, -1 for never. Rejects when it does not answer in time. */
  lastSeen(nodes: readonly string[], signal: AbortSignal): Promise<number[]>;
  close(): void;
}

/** `credentials` carry this master's certificate. */
export function createLastSeenPeer(name: string, address: string, credentials: grpc.ChannelCredentials): LastSeenPeer {
  const client = new GrpcClient(DispatcherService, address, credentials);
  return {
    name,
    async lastSeen(nodes, signal) {
      const request = { nodes: [...nodes] };
      const deadline = Date.now() + peerTimeoutMs;
      const response = await client.unary(DispatcherService.method.lastSeen, request, { signal, deadline });
      return response.ageMs.map(Number);
    },
    close: () => client.close(),
  };
}
