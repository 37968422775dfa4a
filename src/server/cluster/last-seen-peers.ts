/** The other masters as the dispatcher asks them, following who is a member. */
import type * as grpc from '@grpc/grpc-js';
import { createLastSeenPeer, type LastSeenPeer } from '../../dispatcher/index.ts';
import type { MemberDirectory } from './member-directory.ts';

export class LastSeenPeers {
  readonly #directory: MemberDirectory;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #byAddress = new Map<string, LastSeenPeer>();

  constructor(directory: MemberDirectory, credentials: grpc.ChannelCredentials) {
    this.#directory = directory;
    this.#credentials = credentials;
  }

  current(): readonly LastSeenPeer[] {
    const wanted = new Map(this.#directory.others().map(({ name, grpcAddress }) => [grpcAddress, name]));
    for (const [address, peer] of this.#byAddress) {
      if (wanted.has(address)) continue;
      peer.close();
      this.#byAddress.delete(address);
    }
    for (const [address, name] of wanted)
      if (!this.#byAddress.has(address))
        this.#byAddress.set(address, createLastSeenPeer(name, address, this.#credentials));
    return [...this.#byAddress.values()];
  }

  close(): void {
    for (const peer of this.#byAddress.values()) peer.close();
    this.#byAddress.clear();
  }
}
