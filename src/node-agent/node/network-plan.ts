/** The pod network of a node: CNI configuration for its own range, and one route per other node. Pure. */
import type { Node } from '../../api/generated/types/core-v1.ts';

/** Marks our routes (`ip route ... proto 84`), so that others' are never touched. */
export const ROUTE_PROTOCOL = 84;

export interface Route {
  readonly destination: string;
  readonly gateway: string;
}

export function podCidrOf(node: Node | undefined): string | undefined {
  return node?.spec?.podCIDR ?? node?.spec?.podCIDRs?.[0];
}

/** What containerd's CNI needs: a point-to-point link per pod, addresses from the node's range. */
export function cniConfig(podCidr: string, ipamDir: string): string {
  const config = {
    cniVersion: '0.4.0',
    name: 'trimast',
    plugins: [
      {
        type: 'ptp',
        mtu: 1500,
        ipam: {
          type: 'host-local',
          dataDir: ipamDir,
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Routes to the ranges of all other nodes that have a range and an address. */
export function wantedRoutes(nodes: readonly Node[], ownName: string): Route[] {
  const routes: Route[] = [];
  for (const node of nodes) {
    const destination = podCidrOf(node);
    const gateway = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    if (node.metadata?.name === ownName || destination === undefined || gateway === undefined) continue;
    routes.push({ destination, gateway });
  }
  return routes;
}

export function routeChanges(
  current: readonly Route[],
  wanted: readonly Route[],
): { replace: Route[]; remove: Route[] } {
  const byDestination = new Map(current.map((route) => [route.destination, route.gateway]));
  const destinations = new Set(wanted.map(({ destination }) => destination));
  return {
    replace: wanted.filter(({ destination, gateway }) => byDestination.get(destination) !== gateway),
    remove: current.filter(({ destination }) => !destinations.has(destination)),
  };
}
