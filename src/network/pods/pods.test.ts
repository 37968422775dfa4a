import { describe, expect, it } from 'vitest';
import type { Node } from '../../api/generated/types/core-v1.ts';
import { renderTable } from '../nftables/index.ts';
import { masquerade } from './masquerade.ts';
import { cniConfig, type Overlay, parseRoutes, planPodNetwork, routeArguments, routeChanges } from './plan.ts';

const node = (name: string, addresses: string[], podCIDRs: string[]): Node => ({
  metadata: { name },
  spec: { podCIDR: podCIDRs[0], podCIDRs },
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
});
const own = node('own', ['192.0.2.1'], ['10.1.0.0/24']);
const near = node('near', ['192.0.2.2'], ['10.1.1.0/24']);
const far = node('far', ['198.51.100.3'], ['10.1.2.0/24']);
const links = [
  { name: 'eth0', mtu: 1_500, addresses: ['192.0.2.1/24'] },
  { name: 'veth1', mtu: 1_400, addresses: ['10.1.0.1/32'] },
];
const plan = (nodes: Node[], overlay: Overlay = 'auto') => planPodNetwork({ nodeName: 'own', nodes, links, overlay });
const commands = (nodes: Node[], overlay?: Overlay) => {
  const planned = plan(nodes, overlay)!;
  return planned.routes.map((route) => routeArguments(route, planned).join(' '));
};

describe('planPodNetwork', () => {
  it('waits until the node has a range', () => {
    expect(plan([near])).toBeUndefined();
    expect(plan([node('own', ['192.0.2.1'], []), near])).toBeUndefined();
  });

  it('routes to neighbours, at the full size of the link', () => {
    expect(commands([own, near])).toEqual(['10.1.1.0/24 via 192.0.2.2 proto 84']);
    expect(plan([own, near])).toMatchObject({ mtu: 1_500, tunnel: undefined, neighbours: [] });
  });

  it('makes a tunnel to those that are none, with room for its headers', () => {
    expect(commands([own, near, far])).toEqual([
      '10.1.2.0/24 encap ip id 84 dst 198.51.100.3 via 10.1.2.0 dev trimast-vx onlink src 10.1.0.0 proto 84',
      '10.1.1.0/24 via 192.0.2.2 proto 84',
    ]);
    const { mtu, tunnel, neighbours } = plan([own, near, far])!;
    expect(mtu).toBe(1_450);
    expect(tunnel).toMatchObject({ mtu: 1_450, addresses: ['10.1.0.0/32'] });
    expect(neighbours).toEqual([{ address: '10.1.2.0', mac: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/) }]);
    expect(neighbours[0]!.mac).not.toBe(tunnel!.mac);
  });

  it('does as it is told: a tunnel to all, or never one', () => {
    expect(commands([own, near], 'always')[0]).toContain('encap ip id 84 dst 192.0.2.2');
    expect(commands([own, far], 'never')).toEqual(['10.1.2.0/24 via 198.51.100.3 proto 84']);
  });

  it('takes each family over its own addresses, and IPv6 through an IPv4 tunnel where there is no other', () => {
    const both = (name: string, addresses: string[], n: number) =>
      node(name, addresses, [`10.1.${n}.0/24`, `fd00:${n}::/64`]);
    const dual = [{ name: 'eth0', mtu: 1_500, addresses: ['192.0.2.1/24', 'fd0a::1/64'] }];
    const input = (other: Node) => ({
      nodeName: 'own',
      nodes: [both('own', ['192.0.2.1', 'fd0a::1'], 0), other],
      links: dual,
      overlay: 'auto' as const,
    });
    expect(planPodNetwork(input(both('b', ['192.0.2.2', 'fd0a::2'], 1)))!.routes).toEqual([
      { destination: '10.1.1.0/24', gateway: '192.0.2.2' },
      { destination: 'fd00:1::/64', gateway: 'fd0a::2' },
    ]);
    const mixed = planPodNetwork(input(both('b', ['192.0.2.2'], 1)))!;
    expect(mixed.routes[1]).toEqual({ destination: 'fd00:1::/64', gateway: 'fd00:1::', tunnelTo: '192.0.2.2' });
    expect(routeArguments(mixed.routes[1]!, mixed).join(' ')).toContain('src fd00:0:: proto 84');
  });

  it('says which nodes cannot be reached', () => {
    expect(plan([own, node('lost', [], ['10.1.9.0/24'])])!.problems).toEqual([
      'no way to 10.1.9.0/24 of node lost: it has no address',
    ]);
  });
});

describe('routes', () => {
  it('are read as they are written', () => {
    const text = [
      '10.9.2.0/24  encap ip id 84 src 0.0.0.0 dst 192.0.2.2 ttl 0 tos 0 via 10.9.2.0 dev trimast-vx src 10.9.1.0 onlink ',
      'fd02::/64  encap ip id 84 src 0.0.0.0 dst 192.0.2.2 ttl 0 tos 0 via fd02:: dev trimast-vx metric 1024 onlink pref medium',
      '10.1.1.0/24 via 192.0.2.2 dev eth0 ',
      '10.1.1.7 via 192.0.2.2 dev eth0 ',
      '',
    ].join('\n');
    expect(parseRoutes(text)).toEqual([
      { destination: '10.9.2.0/24', gateway: '10.9.2.0', tunnelTo: '192.0.2.2' },
      { destination: 'fd02::/64', gateway: 'fd02::', tunnelTo: '192.0.2.2' },
      { destination: '10.1.1.0/24', gateway: '192.0.2.2' },
      { destination: '10.1.1.7/32', gateway: '192.0.2.2' },
    ]);
  });

  it('change where they differ', () => {
    const route = (destination: string, gateway: string, tunnelTo?: string) => ({
      destination,
      gateway,
      ...(tunnelTo && { tunnelTo }),
    });
    const current = [route('a', '1'), route('b', '2'), route('c', '3'), route('e', '5', '6')];
    const wanted = [route('a', '1'), route('b', '9'), route('d', '4'), route('e', '5', '7')];
    expect(routeChanges(current, wanted)).toEqual({
      replace: [route('b', '9'), route('d', '4'), route('e', '5', '7')],
      remove: [route('c', '3')],
    });
  });
});

it('CNI: a point-to-point link per pod, an address of each family', () => {
  const config = JSON.parse(cniConfig(['10.1.0.0/24', 'fd00::/64'], 1_450, '/data/ipam'));
  expect(config.plugins[0]).toMatchObject({
    type: 'ptp',
    mtu: 1_450,
    ipam: {
      ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    },
  });
  expect(config.plugins[1]).toMatchObject({ type: 'portmap', capabilities: { portMappings: true } });
});

it('masquerade: what leaves the cluster, and nothing else', () => {
  expect(renderTable(masquerade(['10.1.0.0/24'], [own, near, far]))).toMatchInlineSnapshot(`
    "table inet trimast-masquerade {
      set cluster4 { type ipv4_addr; flags interval;
        10.1.0.0/24
        10.1.1.0/24
        10.1.2.0/24
        192.0.2.1
        192.0.2.2
        198.51.100.3
        224.0.0.0/4
      }
      chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        ip saddr 10.1.0.0/24 ip daddr != @cluster4 masquerade fully-random
      }
    }
    "
  `);
});
