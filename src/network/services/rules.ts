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
export const protocols = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof protocols)[number];

/** Everything about the chain is in its name. `usesLocal`: traffic from outside of the cluster stays on the node. */
export function sharedChainName(
  entrance: Entrance,
  protocol: Protocol,
  usesLocal: boolean,
  { cluster, local }: { readonly cluster: number; readonly local: number },
): string {
  return `${entrance}-${protocol}-${cluster}${usesLocal ? `-local-${local}` : ''}`;
}

/** @throws Error for a name that {@link sharedChainName} did not make */
export function sharedChain(name: string, family: IpFamily): Chain {
  const match = /^(inside|outside|nodeport)-(tcp|udp|sctp)-(\d+)(?:-local-(\d+))?$/.exec(name);
  if (!match) throw new Error(`not a shared chain: ${name}`);
  const where = { entrance: match[1] as Entrance, protocol: match[2] as Protocol, family };
  const { entrance } = where;
  const [cluster, local] = [Number(match[3]), match[4] === undefined ? undefined : Number(match[4])];
  const { ip } = words(family);
  const toAny = dnat(where, cluster, 0);
  if (entrance === 'inside')
    return {
      rules: [
        // Hosts and strangers: the answer has to pass here again.
        `${ip} saddr != @own-pods ${markForMasquerade}`,
        local === undefined ? toAny : dnat(where, local, localOffset),
      ],
    };
  if (local === undefined) return { rules: [markForMasquerade, toAny] };
  return {
    rules: [
      // Pods and the node itself are inside of the cluster, whatever the address that they use.
      `${ip} saddr @own-pods ${toAny}`,
      `fib saddr type local ${markForMasquerade} ${toAny}`,
      local > 0 ? dnat(where, local, localOffset) : 'drop',
    ],
  };
}

/** Where a front's endpoints are looked up. */
export function endpointMap(isNodePort: boolean, protocol: Protocol): string {
  return `${isNodePort ? 'nodeport-' : ''}endpoints-${protocol}`;
}

/** What stands in an {@link endpointMap}: front and number, to endpoint. */
export function endpointMapType(isNodePort: boolean, protocol: Protocol, family: IpFamily): string {
  const { ip } = words(family);
  return `typeof ${lookupKey(isNodePort, protocol, family)} . numgen random mod 1 : ${ip} daddr . ${protocol} dport`;
}

function lookupKey(isNodePort: boolean, protocol: Protocol, family: IpFamily): string {
  return isNodePort ? `${protocol} dport` : `${words(family).ip} daddr . ${protocol} dport`;
}

interface Where {
  readonly entrance: Entrance;
  readonly protocol: Protocol;
  readonly family: IpFamily;
}

/** Draws one of `count` endpoints. A map serves one protocol: `nft` 1.0 cannot read back ports of any protocol. */
function dnat({ entrance, protocol, family }: Where, count: number, offset: number): string {
  const isNodePort = entrance === 'nodeport';
  const draw = `numgen random mod ${count}${offset > 0 ? ` offset ${offset}` : ''}`;
  const key = `${lookupKey(isNodePort, protocol, family)} . ${draw}`;
  return `meta l4proto ${protocol} dnat ${words(family).ip} to ${key} map @${endpointMap(isNodePort, protocol)}`;
}
