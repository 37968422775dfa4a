/**
 * Whom the network must know, as the configuration changes: members of the adopted one, and for a moment those who left it, so that the
 * leader can still tell them.
 */
import type { ConfigurationHistory } from './core/configuration-history.ts';
import type { Configuration } from './core/types.ts';
import type { PeerSet } from './node.ts';
import type { RaftPeer } from './types.ts';

const farewellTicks = 100;

export class PeerBook {
  readonly #selfId: number;
  #configuration: Configuration | undefined;
  #configurationIndex = -1;
  #staying: readonly RaftPeer[] = [];
  #departing: { readonly peer: RaftPeer; readonly untilTick: number }[] = [];

  constructor(selfId: number) {
    this.#selfId = selfId;
  }

  /** What the network must be told; undefined: what it knows is still right. */
  update(configurations: ConfigurationHistory, committed: number, nowTick: number): PeerSet | undefined {
    const { configuration } = configurations.current;
    const known = configurations.at(committed);
    const configurationIndex = known.configuration.members.length > 0 ? Math.max(1, known.index) : 0;
    const farewell = this.#departing.some(({ untilTick }) => untilTick <= nowTick);
    if (configuration === this.#configuration && configurationIndex === this.#configurationIndex && !farewell)
      return undefined;
    const before = this.#staying;
    this.#configuration = configuration;
    this.#configurationIndex = configurationIndex;
    this.#staying = configuration.members
      .filter(({ id }) => id !== this.#selfId)
      .map(({ id, name, address }) => ({ id, name, address }));
    const stays = (peer: RaftPeer) => this.#staying.some(({ id }) => id === peer.id);
    const left = before.map((peer) => ({ peer, untilTick: nowTick + farewellTicks }));
    this.#departing = [...this.#departing, ...left].filter(
      ({ peer, untilTick }) => !stays(peer) && untilTick > nowTick,
    );
    return { peers: [...this.#staying, ...this.#departing.map(({ peer }) => peer)], configurationIndex };
  }
}
