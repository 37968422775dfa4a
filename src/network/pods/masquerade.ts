/**
 * What leaves the cluster leaves with the node's address: others know no way back to a pod's. Within the cluster everybody sees who really
 * speaks. Pure.
 */
import type { Node } from '../../api/generated/types/core-v1.ts';
import type { Chain, NftSet, Table } from '../nftables/types.ts';
import { isIPv6Range, rangeContains } from '../range.ts';
import { internalAddresses, podRanges } from './plan.ts';

export const masqueradeTableName = 'trimast-masquerade';

const families = [
  {
    name: 'ip',
    type: 'ipv4_addr',
    set: 'cluster4',
    multicast: '224.0.0.0/4',
    isOf: (range: string) => !isIPv6Range(range),
  },
  { name: 'ip6', type: 'ipv6_addr', set: 'cluster6', multicast: 'ff00::/8', isOf: isIPv6Range },
] as const;

/** `ranges`: of this node's pods. */
export function masquerade(ranges: readonly string[], nodes: Iterable<Node>): Table {
  const all = [...nodes];
  const wide = new Set(all.flatMap(podRanges));
  const addresses = all
    .flatMap(internalAddresses)
    .filter((address) => ![...wide].some((range) => rangeContains(range, address)));
  const sets = new Map<string, NftSet>();
  const rules: string[] = [];
  for (const { name, type, set, multicast, isOf } of families) {
    const own = ranges.filter(isOf);
    if (own.length === 0) continue;
    const elements = [...wide, ...addresses].filter(isOf);
    sets.set(set, {
      kind: 'set',
      type: `type ${type}`,
      flags: ['interval'],
      elements: new Map([...new Set([...elements, multicast])].map((element) => [element, ''])),
    });
    for (const range of own) rules.push(`${name} saddr ${range} ${name} daddr != @${set} masquerade fully-random`);
  }
  const postrouting: Chain = { hook: { type: 'nat', hook: 'postrouting', priority: 100 }, rules };
  return { family: 'inet', name: masqueradeTableName, chains: new Map([['postrouting', postrouting]]), sets };
}
