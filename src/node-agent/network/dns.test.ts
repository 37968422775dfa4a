import { describe, expect, it } from 'vitest';
import { renderTable } from '../../network/nftables/index.ts';
import { dnsServers, parseServer } from './dns-config.ts';
import { dnsGuard } from './dns-guard.ts';

describe('servers for other names', () => {
  it('are the node’s resolvers, unless the configuration names others, and never the cluster itself', () => {
    const own = ['10.96.0.10'];
    expect(dnsServers({}, ['192.0.2.1', '10.96.0.10', 'nonsense'], own).servers).toEqual([
      { address: '192.0.2.1', port: 53 },
    ]);
    const settings = { servers: ['192.0.2.9:5353'], stubDomains: { corp: ['[2001:db8::1]:54', '2001:db8::2'] } };
    const { servers, stubDomains } = dnsServers(settings, ['192.0.2.1'], own);
    expect(servers).toEqual([{ address: '192.0.2.9', port: 5353 }]);
    expect(stubDomains.get('corp')).toEqual([
      { address: '2001:db8::1', port: 54 },
      { address: '2001:db8::2', port: 53 },
    ]);
  });

  it.each(['dns.example', '192.0.2.1:0', '192.0.2.1:99999', '', '[192.0.2.1'])('"%s" is refused', (text) => {
    expect(() => parseServer(text)).toThrow(`DNS server "${text}"`);
  });
});

it('rules beside the DNS: not tracked, and silent while nobody listens', () => {
  expect(renderTable(dnsGuard(['10.96.0.10', 'fd00::a']))).toMatchInlineSnapshot(`
    "table inet trimast-dns {
      chain output {
        type filter hook output priority -300; policy accept;
        ip daddr 10.96.0.10 udp dport 53 notrack
        ip daddr 10.96.0.10 tcp dport 53 notrack
        ip saddr 10.96.0.10 udp sport 53 notrack
        ip saddr 10.96.0.10 tcp sport 53 notrack
        ip saddr 10.96.0.10 icmp type destination-unreachable drop
        ip saddr 10.96.0.10 tcp sport 53 tcp flags & rst == rst drop
        ip6 daddr fd00::a udp dport 53 notrack
        ip6 daddr fd00::a tcp dport 53 notrack
        ip6 saddr fd00::a udp sport 53 notrack
        ip6 saddr fd00::a tcp sport 53 notrack
        ip6 saddr fd00::a icmpv6 type destination-unreachable drop
        ip6 saddr fd00::a tcp sport 53 tcp flags & rst == rst drop
      }
      chain prerouting {
        type filter hook prerouting priority -300; policy accept;
        ip daddr 10.96.0.10 udp dport 53 notrack
        ip daddr 10.96.0.10 tcp dport 53 notrack
        ip6 daddr fd00::a udp dport 53 notrack
        ip6 daddr fd00::a tcp dport 53 notrack
      }
    }
    "
  `);
});
