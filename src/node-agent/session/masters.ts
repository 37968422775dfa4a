/** The channels to all masters, and the order in which this node tries them. */
import { createHash } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import { DispatcherService } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';

export type DispatcherClient = GrpcClient<typeof DispatcherService>;

/** Finds a master that vanished without a word within about 8 s. */
const CHANNEL_OPTIONS: grpc.ClientOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.use_local_subchannel_pool': 1,
};

/** The same for a node each time, different between nodes: spreads the sessions over the masters. */
export function masterOrder(masters: readonly string[], nodeName: string): string[] {
  const rank = (address: string) => createHash('sha256').update(`${nodeName}\0${address}`).digest('hex');
  return masters.toSorted((a, b) => rank(a).localeCompare(rank(b)));
}

export class Masters {
  readonly addresses: readonly string[];
  readonly #clients: ReadonlyMap<string, DispatcherClient>;

  constructor(masters: readonly string[], nodeName: string, credentials: grpc.ChannelCredentials) {
    this.addresses = masterOrder(masters, nodeName);
    this.#clients = new Map(
      this.addresses.map((address) => [
        address,
        new GrpcClient(DispatcherService, address, credentials, CHANNEL_OPTIONS),
      ]),
    );
  }

  client(address: string): DispatcherClient {
    const client = this.#clients.get(address);
    if (!client) throw new Error(`no master has the address ${address}`);
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}
