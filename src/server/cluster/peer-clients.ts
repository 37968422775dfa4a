/** Clients of other masters' cluster service, one per address, kept open. */
import type * as grpc from '@grpc/grpc-js';
import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';

export type PeerClient = GrpcClient<typeof ClusterService>;

const maxClients = 32;

export class PeerClients {
  readonly #credentials: grpc.ChannelCredentials;
  readonly #clients = new Map<string, PeerClient>();

  constructor(credentials: grpc.ChannelCredentials) {
    this.#credentials = credentials;
  }

  at(address: string): PeerClient {
    const known = this.#clients.get(address);
    if (known) return known;
    const [oldest] = this.#clients.keys();
    if (this.#clients.size >= maxClients) {
      this.#clients.get(oldest!)?.close();
      this.#clients.delete(oldest!);
    }
    const client = new GrpcClient(ClusterService, address, this.#credentials);
    this.#clients.set(address, client);
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
