/** A node's table of one family, from what each Service contributes. Pure. */
import type { Chain, NftSet, Table } from '../nftables/index.ts';
import type { Contribution } from './contribution.ts';
import type { IpFamily } from './fronts.ts';
import { endpointMap, endpointMapType, masqueradeBit, protocols, sharedChain, words } from './rules.ts';

export const tableName = 'trimast-services';

/** Before the destination is changed: where packets still have the address of the Service. */
const beforeNat = -110;
const destinationNat = -100;
/** After it: what still has the address of a Service has no endpoint. */
const afterNat = -90;
const sourceNat = 100;

export interface TableInput {
  readonly family: IpFamily;
  /** By Service; the same object as long as it is the same. */
  readonly contributions: ReadonlyMap<string, Contribution>;
  /** Ranges of this node's pods. */
  readonly ownPods: readonly string[];
}

type Parts = Map<string, ReadonlyMap<string, string>>;

export class TablePlanner {
  readonly #family: IpFamily;
  readonly #base: ReadonlyMap<string, Chain>;
  readonly #shared = new Map<string, Chain>();
  #ownPods: { readonly text: string; readonly set: NftSet } | undefined;

  constructor(family: IpFamily) {
    this.#family = family;
    this.#base = baseChains(family);
  }

  table({ contributions, ownPods }: Omit<TableInput, 'family'>): Table {
    const chains = new Map(this.#base);
    const parts = new Map<string, Parts>(Object.keys(setTypes(this.#family)).map((name) => [name, new Map()]));
    const sets = new Map<string, NftSet>([['own-pods', this.#ownPodSet(ownPods)]]);
    for (const [owner, { elements, chains: own, sets: ownSets, shared }] of contributions) {
      for (const [name, part] of elements) parts.get(name)!.set(owner, part);
      for (const [name, chain] of own) chains.set(name, chain);
      for (const [name, set] of ownSets) sets.set(name, set);
      for (const name of shared) if (!chains.has(name)) chains.set(name, this.#sharedChain(name));
    }
    for (const [name, { kind, type }] of Object.entries(setTypes(this.#family)))
      sets.set(name, { kind, type, elements: new Map(), parts: withoutRepeats(name, parts.get(name)!) });
    return { family: words(this.#family).table, name: tableName, chains, sets };
  }

  #sharedChain(name: string): Chain {
    const chain = this.#shared.get(name) ?? sharedChain(name, this.#family);
    this.#shared.set(name, chain);
    return chain;
  }

  #ownPodSet(ownPods: readonly string[]): NftSet {
    const text = ownPods.join();
    if (this.#ownPods?.text !== text) {
      const elements = new Map(ownPods.map((range) => [range, '']));
      const set: NftSet = { kind: 'set', type: `type ${words(this.#family).address}`, flags: ['interval'], elements };
      this.#ownPods = { text, set };
    }
    return this.#ownPods!.set;
  }
}

/** A pod may be behind two Services: in these sets an element is whosever it is first. Fronts are one Service's each. */
function withoutRepeats(name: string, parts: Parts): Parts {
  if (name !== 'hairpin') return parts;
  const merged = new Map<string, string>();
  for (const part of parts.values()) for (const [key, value] of part) merged.set(key, value);
  return new Map([['', merged]]);
}

function setTypes(family: IpFamily): Readonly<Record<string, Pick<NftSet, 'kind' | 'type'>>> {
  const { address } = words(family);
  const front = `${address} . inet_proto . inet_service`;
  const nodeFront = 'inet_proto . inet_service';
  return {
    'service-ips': { kind: 'map', type: `type ${front} : verdict` },
    ...endpointMaps(family),
    'service-nodeports': { kind: 'map', type: `type ${nodeFront} : verdict` },
    'no-endpoint-services': { kind: 'map', type: `type ${front} : verdict` },
    'no-endpoint-nodeports': { kind: 'map', type: `type ${nodeFront} : verdict` },
    'firewall-ips': { kind: 'map', type: `type ${front} : verdict` },
    'cluster-ips': { kind: 'set', type: `type ${address}` },
    hairpin: { kind: 'set', type: `type ${address} . ${address}` },
  };
}

function endpointMaps(family: IpFamily): Record<string, Pick<NftSet, 'kind' | 'type'>> {
  const maps: Record<string, Pick<NftSet, 'kind' | 'type'>> = {};
  for (const isNodePort of [false, true])
    for (const protocol of protocols)
      maps[endpointMap(isNodePort, protocol)] = { kind: 'map', type: endpointMapType(isNodePort, protocol, family) };
  return maps;
}

function baseChains(family: IpFamily): ReadonlyMap<string, Chain> {
  const { ip, loopback } = words(family);
  const front = `${ip} daddr . meta l4proto . th dport`;
  const filter = (hook: 'prerouting' | 'input' | 'forward' | 'output', priority: number, rules: string[]): Chain => ({
    hook: { type: 'filter', hook, priority },
    rules,
  });
  const nat = (hook: 'prerouting' | 'output' | 'postrouting', priority: number, rules: string[]): Chain => ({
    hook: { type: 'nat', hook, priority },
    rules,
  });
  return new Map([
    [
      'services',
      {
        rules: [
          `${front} vmap @service-ips`,
          `${ip} daddr != ${loopback} fib daddr type local meta l4proto . th dport vmap @service-nodeports`,
        ],
      },
    ],
    ['nat-prerouting', nat('prerouting', destinationNat, ['goto services'])],
    ['nat-output', nat('output', destinationNat, ['goto services'])],
    [
      'nat-postrouting',
      nat('postrouting', sourceNat, [
        `meta mark & ${masqueradeBit} == 0 goto hairpins`,
        `meta mark set meta mark xor ${masqueradeBit}`,
        'masquerade fully-random',
      ]),
    ],
    ['hairpins', { rules: [`ct status dnat ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`] }],
    ['firewall-prerouting', filter('prerouting', beforeNat, [`ct state new ${front} vmap @firewall-ips`])],
    ['firewall-output', filter('output', beforeNat, [`ct state new ${front} vmap @firewall-ips`])],
    ['refuse-input', filter('input', beforeNat, ['ct state new goto refuse'])],
    ['refuse-forward', filter('forward', beforeNat, ['ct state new goto refuse'])],
    ['refuse-output', filter('output', afterNat, ['ct state new goto refuse'])],
    [
      'refuse',
      {
        rules: [
          `${front} vmap @no-endpoint-services`,
          `${ip} daddr @cluster-ips goto reject-it`,
          'fib daddr type local meta l4proto . th dport vmap @no-endpoint-nodeports',
        ],
      },
    ],
    ['reject-it', { rules: ['meta l4proto tcp reject with tcp reset', 'reject'] }],
  ] satisfies [string, Chain][]);
}
