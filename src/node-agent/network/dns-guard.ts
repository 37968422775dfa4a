/**
 * Rules beside the cluster's DNS on this node: its packets are not tracked (each question would be a connection of its own, and many of them
 * fill the table), and while nobody listens, because the agent restarts, nobody is told so: clients ask again instead of giving up. Pure.
 */
import { isIPv6 } from 'node:net';
import type { Chain, Table } from '../../network/nftables/index.ts';

export const dnsTableName = 'trimast-dns';

export function dnsGuard(addresses: readonly string[]): Table {
  const chains = new Map<string, Chain>();
  const each = (rule: (family: 'ip' | 'ip6', address: string) => string[]) =>
    addresses.flatMap((address) => rule(isIPv6(address) ? 'ip6' : 'ip', address));
  const toServer = (family: string, address: string) =>
    ['udp', 'tcp'].map((protocol) => `${family} daddr ${address} ${protocol} dport 53 notrack`);
  const fromServer = (family: string, address: string) =>
    ['udp', 'tcp'].map((protocol) => `${family} saddr ${address} ${protocol} sport 53 notrack`);
  chains.set('prerouting', { hook: { type: 'filter', hook: 'prerouting', priority: -300 }, rules: each(toServer) });
  chains.set('output', {
    hook: { type: 'filter', hook: 'output', priority: -300 },
    rules: each((family, address) => [
      ...toServer(family, address),
      ...fromServer(family, address),
      family === 'ip'
        ? `ip saddr ${address} icmp type destination-unreachable drop`
        : `ip6 saddr ${address} icmpv6 type destination-unreachable drop`,
      `${family} saddr ${address} tcp sport 53 tcp flags & rst == rst drop`,
    ]),
  });
  return { family: 'inet', name: dnsTableName, chains, sets: new Map() };
}
