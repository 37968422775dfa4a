/**
 * Load balancers without a cloud: an address from the operator's pools goes to one healthy node, which answers for it on the link (ARP, NDP) and
 * whose service proxy spreads what comes in. Holders are asked every half second whether they are there; one that is silent loses its addresses.
 */
import type { Service } from '../../api/generated/types/core-v1.ts';
import { canonicalAddress, familyOf, type IpFamily } from '../../api/meta/address-range.ts';
import { CloudError, type CloudProvider, type LoadBalancer, type Surroundings } from '../provider.ts';
import { chooseHolder } from './holder.ts';
import { freeAddress, isInPools, type Pool } from './pools.ts';

/** The node that answers for the Service's addresses; agents go by it. */
export const holderAnnotation = 'trimast.io/announced-by';
/** Addresses asked for, with commas between them: one per family. */
export const wishAnnotation = 'trimast.io/load-balancer-ips';
export const bareMetalClass = 'trimast.io/bare-metal';

export interface BareMetalOptions {
  readonly pools: readonly Pool[];
  /** Nodes that do not answer just now. */
  silent(): ReadonlySet<string>;
}

export function createBareMetalProvider({ pools, silent }: BareMetalOptions): CloudProvider {
  /** What was given out, whether the Services that we see show it yet or not. */
  const given = new Map<string, readonly string[]>();
  return {
    name: 'bare-metal',
    loadBalancerClass: bareMetalClass,
    loadBalancers: {
      async ensure(service, surroundings) {
        const key = keyOf(service);
        const addresses = give(key, service, surroundings, pools, given);
        given.set(key, addresses);
        const present = service.metadata?.annotations?.[holderAnnotation];
        const holder = chooseHolder(service, surroundings.nodes, surroundings.endpointSlices, silent(), present);
        return loadBalancer(addresses, holder ?? present);
      },
      async release(key) {
        given.delete(key);
      },
    },
  };
}

function loadBalancer(addresses: readonly string[], holder: string | undefined): LoadBalancer {
  return {
    ingress: addresses.map((ip) => ({ ip, ipMode: 'VIP' })),
    annotations: holder === undefined ? {} : { [holderAnnotation]: holder },
  };
}

function give(
  key: string,
  service: Service,
  { services }: Surroundings,
  pools: readonly Pool[],
  given: ReadonlyMap<string, readonly string[]>,
): string[] {
  const used = new Set<string>();
  for (const [other, addresses] of given) if (other !== key) for (const address of addresses) used.add(address);
  for (const other of services) {
    if (keyOf(other) === key || other.spec?.type !== 'LoadBalancer' || given.has(keyOf(other))) continue;
    for (const { ip } of other.status?.loadBalancer?.ingress ?? []) if (ip) used.add(canonicalAddress(ip));
  }
  const held = given.get(key) ?? (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  const families = (service.spec?.ipFamilies ?? ['IPv4']) as IpFamily[];
  const wishes = wishesOf(service);
  const addresses: string[] = [];
  for (const family of families) {
    const wish = wishes.find((address) => familyOf(address) === family);
    const kept = held.find(
      (address) => familyOf(address) === family && isInPools(pools, address) && !used.has(address),
    );
    if (wish !== undefined) {
      if (!isInPools(pools, wish))
        throw new CloudError(`the address ${wish} is in none of the pools of load balancers`);
      if (used.has(wish)) throw new CloudError(`the address ${wish} belongs to another Service`);
      addresses.push(wish);
    } else {
      const address = kept ?? freeAddress(pools, family, used);
      if (address !== undefined) addresses.push(address);
    }
  }
  if (addresses.length === 0)
    throw new CloudError(
      pools.length === 0
        ? 'the cluster has no pool of addresses for load balancers: set network.loadBalancerPools of the masters'
        : `the pools of load balancers have no address of the family ${families.join(' or ')} left`,
    );
  return addresses;
}

function wishesOf({ metadata, spec }: Service): string[] {
  const asked = [...(metadata?.annotations?.[wishAnnotation] ?? '').split(','), spec?.loadBalancerIP ?? ''];
  return asked
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      try {
        return canonicalAddress(text);
      } catch (cause) {
        throw new CloudError(`"${text}" is no address`, { cause });
      }
    });
}

function keyOf({ metadata }: Service): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
