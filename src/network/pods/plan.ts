/**
 * The pod network of one node: addresses for its own pods through CNI, and for each other node a way to its pods: a plain route where the other
 * is a neighbour on a shared link, a VXLAN tunnel otherwise. Pure.
 *
 * The tunnel is one device without a peer of its own: each route says where its packets are sent (`encap`), and each node's end has the first
 * address of its range and a MAC address made of its name, so that nothing has to be learned.
 */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Node } from '../../api/generated/types/core-v1.ts';
import { isIPv6Range, rangeContains } from '../range.ts';

/** Marks our routes (`ip route ... proto 84`), so that others' are never touched. */
export const routeProtocol = 84;
export const tunnelName = 'trimast-vx';
export const tunnelPort = 4789;
const tunnelId = 84;
/** Of IP, UDP, VXLAN and the inner Ethernet header. */
const overhead = { ipv4: 50, ipv6: 70 } as const;
/** What IPv6 demands of every link. */
const minMtu = 1_280;
const defaultMtu = 1_500;

/** `auto`: a tunnel only to nodes that are no neighbours. `always`: for networks that drop addresses which they do not know. */
export type Overlay = 'auto' | 'always' | 'never';

export interface Link {
  readonly name: string;
  readonly mtu: number;
  /** With their prefix lengths: `192.0.2.1/24`. */
  readonly addresses: readonly string[];
}

export interface PodNetworkInput {
  readonly nodeName: string;
  readonly nodes: Iterable<Node>;
  readonly links: readonly Link[];
  readonly overlay: Overlay;
}

/** One line of `ip route`, as far as it is ours to say. */
export interface Route {
  readonly destination: string;
  readonly gateway: string;
  /** The other node, when packets go through the tunnel. */
  readonly tunnelTo?: string;
}

export interface Neighbour {
  readonly address: string;
  readonly mac: string;
}

export interface Tunnel {
  readonly mac: string;
  readonly mtu: number;
  /** `10.244.1.0/32`: the source of what this node itself sends through the tunnel. */
  readonly addresses: readonly string[];
}

export interface PodNetworkPlan {
  /** This node's ranges, IPv4 first or last as the cluster has them. */
  readonly ranges: readonly string[];
  /** Of pods' links. */
  readonly mtu: number;
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly tunnel: Tunnel | undefined;
  /** Nodes that cannot be reached, and why. */
  readonly problems: readonly string[];
}

/** Undefined: this node has no range yet. */
export function planPodNetwork(input: PodNetworkInput): PodNetworkPlan | undefined {
  const nodes = [...input.nodes].sort((a, b) => compare(nameOf(a), nameOf(b)));
  const own = nodes.find((node) => nameOf(node) === input.nodeName);
  const ranges = podRanges(own);
  if (ranges.length === 0) return undefined;
  const routes: Route[] = [];
  const neighbours: Neighbour[] = [];
  const problems: string[] = [];
  const underlays = new Set<'ipv4' | 'ipv6'>();
  for (const node of nodes) {
    if (node === own) continue;
    const addresses = internalAddresses(node);
    for (const destination of podRanges(node)) {
      const sameFamily = addresses.find((address) => isIPv6(address) === isIPv6Range(destination));
      if (sameFamily && isPlain(sameFamily, input)) {
        routes.push({ destination, gateway: sameFamily });
        continue;
      }
      const tunnelTo = sameFamily ?? addresses[0];
      if (tunnelTo === undefined || input.overlay === 'never') {
        problems.push(`no way to ${destination} of node ${nameOf(node)}: ${tunnelTo ?? 'it has no address'}`);
        continue;
      }
      const gateway = firstOf(destination);
      routes.push({ destination, gateway, tunnelTo });
      neighbours.push({ address: gateway, mac: macOf(nameOf(node)) });
      underlays.add(isIPv6(tunnelTo) ? 'ipv6' : 'ipv4');
    }
  }
  const linkMtu = Math.min(...ownLinks(own!, input.links).map(({ mtu }) => mtu), 65_535);
  const base = linkMtu === 65_535 ? defaultMtu : linkMtu;
  // A link's pods keep the MTU that they were made with: with room for a tunnel from the first one on where there may be one.
  const spare = underlays.size === 0 ? 0 : Math.max(...[...underlays].map((family) => overhead[family]));
  const mtu = Math.max(minMtu, base - spare);
  const tunnel =
    underlays.size === 0
      ? undefined
      : {
          mac: macOf(input.nodeName),
          mtu,
          addresses: ranges.map((range) => `${firstOf(range)}/${isIPv6Range(range) ? 128 : 32}`),
        };
  return { ranges, mtu, routes, neighbours, tunnel, problems };
}

/** What containerd's CNI needs: a point-to-point link per pod, addresses from the node's ranges, host ports. */
export function cniConfig(ranges: readonly string[], mtu: number, ipamDir: string): string {
  const routes = ranges.map((range) => ({ dst: isIPv6Range(range) ? '::/0' : '0.0.0.0/0' }));
  const config = {
    cniVersion: '0.4.0',
    name: 'trimast',
    plugins: [
      {
        type: 'ptp',
        mtu,
        ipam: { type: 'host-local', dataDir: ipamDir, ranges: ranges.map((subnet) => [{ subnet }]), routes },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function podRanges(node: Node | undefined): readonly string[] {
  const { podCIDR, podCIDRs } = node?.spec ?? {};
  return podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR]);
}

export function internalAddresses(node: Node): string[] {
  return (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

/** Locally administered, the same for a node wherever it is computed. */
export function macOf(nodeName: string): string {
  const bytes = createHash('sha256').update(nodeName).digest().subarray(0, 5);
  return ['02', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** Arguments of `ip route replace`. */
export function routeArguments(
  { destination, gateway, tunnelTo }: Route,
  plan: Pick<PodNetworkPlan, 'ranges'>,
): string[] {
  const common = [destination, 'via', gateway, 'proto', String(routeProtocol)];
  if (tunnelTo === undefined) return common;
  const encap = ['encap', isIPv6(tunnelTo) ? 'ip6' : 'ip', 'id', String(tunnelId), 'dst', tunnelTo];
  const source = plan.ranges.find((range) => isIPv6Range(range) === isIPv6Range(destination));
  const from = source === undefined ? [] : ['src', firstOf(source)];
  return [destination, ...encap, 'via', gateway, 'dev', tunnelName, 'onlink', ...from, 'proto', String(routeProtocol)];
}

/** Reads what `ip route show proto 84` prints (its JSON has one key twice). */
export function parseRoutes(text: string): Route[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([destination]) => destination)
    .map((words) => {
      const after = (word: string) => words[words.indexOf(word) + 1] ?? '';
      const tunnelTo = words.includes('encap') ? after('dst') : undefined;
      const destination = words[0]!.includes('/') ? words[0]! : `${words[0]}/${isIPv6(words[0]!) ? 128 : 32}`;
      return {
        destination,
        gateway: words.includes('via') ? after('via') : '',
        ...(tunnelTo !== undefined && { tunnelTo }),
      };
    });
}

export function routeChanges(
  current: readonly Route[],
  wanted: readonly Route[],
): { replace: Route[]; remove: Route[] } {
  const text = ({ gateway, tunnelTo = '' }: Route) => `${gateway} ${tunnelTo}`;
  const present = new Map(current.map((route) => [route.destination, text(route)]));
  const destinations = new Set(wanted.map(({ destination }) => destination));
  return {
    replace: wanted.filter((route) => present.get(route.destination) !== text(route)),
    remove: current.filter(({ destination }) => !destinations.has(destination)),
  };
}

function isPlain(gateway: string, { links, overlay }: PodNetworkInput): boolean {
  if (overlay === 'never') return true;
  return overlay === 'auto' && links.some((link) => link.addresses.some((range) => rangeContains(range, gateway)));
}

/** The links that have this node's addresses. */
function ownLinks(own: Node, links: readonly Link[]): Link[] {
  const addresses = new Set(internalAddresses(own));
  return links.filter((link) => link.addresses.some((range) => addresses.has(range.split('/')[0]!)));
}

function firstOf(range: string): string {
  return range.split('/')[0]!;
}

function nameOf(node: Node): string {
  return node.metadata?.name ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
