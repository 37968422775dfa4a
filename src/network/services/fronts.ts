/** Where a Service can be reached from a node: its addresses and node ports. Pure. */
import { isIPv6 } from 'node:net';
import type { Service, ServicePort } from '../../api/generated/types/core-v1.ts';

export type FrontKind = 'cluster' | 'external' | 'balancer' | 'nodePort';

export interface Front {
  readonly kind: FrontKind;
  /** `10.96.0.10 . udp . 53`, or `udp . 30053` of a node port: as nft writes it. */
  readonly key: string;
  readonly port: ServicePort;
}

export type IpFamily = 'IPv4' | 'IPv6';

/** Not served through addresses: headless, ExternalName, or somebody else's proxy has it. */
export function isProxied({ spec, metadata }: Service): boolean {
  if (!spec || spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return false;
  return metadata?.labels?.['service.kubernetes.io/service-proxy-name'] === undefined;
}

export function frontsOf({ spec, status }: Service, family: IpFamily): Front[] {
  const own = (address: string | undefined): address is string =>
    address !== undefined && address !== '' && isIPv6(address) === (family === 'IPv6');
  const clusterIps = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);
  const balancers = (status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== 'Proxy');
  const ingress = spec?.type === 'LoadBalancer' ? balancers.map(({ ip }) => ip) : [];
  return (spec?.ports ?? []).flatMap((port) => {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    const at = (kind: FrontKind, addresses: readonly (string | undefined)[]): Front[] =>
      [...new Set(addresses.filter(own))].map((address) => ({
        kind,
        key: `${address} . ${protocol} . ${port.port}`,
        port,
      }));
    const fronts = [
      ...at('cluster', clusterIps),
      ...at('external', spec?.externalIPs ?? []),
      ...at('balancer', ingress),
    ];
    // A node port is on nodes of the families that the Service has.
    if (port.nodePort && clusterIps.some(own)) {
      fronts.push({ kind: 'nodePort', key: `${protocol} . ${port.nodePort}`, port });
    }
    return fronts;
  });
}
