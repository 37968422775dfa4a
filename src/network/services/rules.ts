/** The chains that all Services of a table share, and the words of each family. Pure. */
import type { Chain } from '../nftables/index.ts';
import type { IpFamily } from './fronts.ts';

/** A bit of the packet mark (upstream's as well): the packet must leave with this node's address, or its answer would not come back here. */
export const masqueradeBit = '0x4000';
export const markForMasquerade = `meta mark set meta mark or ${masqueradeBit}`;
/** Numbers of a front's local endpoints begin here, below are those of all. */
export const localOffset = 1 << 16;

export function words(family: IpFamily) {
  return family === 'IPv4'
    ? ({ table: 'ip', ip: 'ip', address: 'ipv4_addr', loopback: '127.0.0.0/8' } as const)
    : ({ table: 'ip6', ip: 'ip6', address: 'ipv6_addr', loopback: '::1' } as const);
}

type Entrance = 'inside' | 'outside' | 'nodeport';

/** Everything about the chain is in its name. `usesLocal`: traffic from outside of the cluster stays on the node. */
export function sharedChainName(
  entrance: Entrance,
  usesLocal: boolean,
  { cluster, local }: { readonly cluster: number; readonly local: number },
): string {
  return usesLocal ? `${entrance}-${cluster}-local-${local}` : `${entrance}-${cluster}`;
}

/** @throws Error for a name that {@link sharedChainName} did not make */
export function sharedChain(name: string, family: IpFamily): Chain {
  const match = /^(inside|outside|nodeport)-(\d+)(?:-local-(\d+))?$/.exec(name);
  if (!match) throw new Error(`not a shared chain: ${name}`);
  const entrance = match[1] as Entrance;
  const [cluster, local] = [Number(match[2]), match[3] === undefined ? undefined : Number(match[3])];
  const { ip } = words(family);
  const toAny = dnat(entrance, family, cluster, 0);
  if (entrance === 'inside')
    return {
      rules: [
        // Hosts and strangers: the answer has to pass here again.
        `${ip} saddr != @own-pods ${markForMasquerade}`,
        local === undefined ? toAny : dnat(entrance, family, local, localOffset),
      ],
    };
  if (local === undefined) return { rules: [markForMasquerade, toAny] };
  return {
    rules: [
      // Pods and the node itself are inside of the cluster, whatever the address that they use.
      `${ip} saddr @own-pods ${toAny}`,
      `fib saddr type local ${markForMasquerade} ${toAny}`,
      local > 0 ? dnat(entrance, family, local, localOffset) : 'drop',
    ],
  };
}

/** Draws one of `count` endpoints. */
export function dnat(entrance: Entrance, family: IpFamily, count: number, offset: number): string {
  const { ip } = words(family);
  const front = entrance === 'nodeport' ? 'meta l4proto . th dport' : `${ip} daddr . meta l4proto . th dport`;
  const map = entrance === 'nodeport' ? 'nodeport-endpoints' : 'endpoints';
  const draw = `numgen random mod ${count}${offset > 0 ? ` offset ${offset}` : ''}`;
  return `meta l4proto { tcp, udp, sctp } dnat ${ip} to ${front} . ${draw} map @${map}`;
}
