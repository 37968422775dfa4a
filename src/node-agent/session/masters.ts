/** The channels to all masters, and the order in which this node tries them. */
import { createHash } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { type DispatcherClient, MasterChannel } from './master-channel.ts';

/** The same for a node each time, different between nodes: spreads the sessions over the masters. */
export function masterOrder(masters: readonly string[], nodeName: string): string[] {
  const rank = (address: string) => createHash('sha256').update(`${nodeName}\0${address}`).digest('hex');
  return masters.toSorted((a, b) => rank(a).localeCompare(rank(b)));
}

export class Masters {
  readonly addresses: readonly string[];
  readonly #channels: ReadonlyMap<string, MasterChannel>;

  constructor(masters: readonly string[], nodeName: string, credentials: grpc.ChannelCredentials, clock: Clock) {
    this.addresses = masterOrder(masters, nodeName);
    this.#channels = new Map(
      this.addresses.map((address) => [address, new MasterChannel(address, credentials, clock)]),
    );
  }

  /** See {@link MasterChannel.connect}. */
  connect(address: string): Promise<DispatcherClient> {
    return this.#channel(address).connect();
  }

  /** See {@link MasterChannel.distrust}. */
  distrust(address: string, client: DispatcherClient): void {
    this.#channel(address).distrust(client);
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }

  #channel(address: string): MasterChannel {
    const channel = this.#channels.get(address);
    if (!channel) throw new Error(`no master has the address ${address}`);
    return channel;
  }
}
