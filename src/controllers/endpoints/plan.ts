/** From a Service and its pods to where it is reached: one list, from which Endpoints and EndpointSlices are made. Pure. */
import { isIPv6 } from 'node:net';
import { canonicalJson } from '../../api/canonical-json.ts';
import type { EndpointSubset, Endpoints, Pod, Service, ServicePort } from '../../api/generated/types/core-v1.ts';
import type { Endpoint } from '../../api/generated/types/discovery-v1.ts';
import { isDeleting } from '../shared/owners.ts';
import { isFinished, isReady } from '../shared/pods.ts';
import type { AddressType, Port, SliceGroup } from './slices.ts';

/** Upstream's limit: addresses of one Endpoints object. */
export const maxEndpointsAddresses = 1_000;
const overCapacity = 'endpoints.kubernetes.io/over-capacity';

/** Pods that resolve the ports alike: a named target port may be another number on each. */
interface Group {
  readonly ports: readonly Port[];
  readonly pods: Pod[];
}

export interface EndpointsPlan {
  readonly endpoints: Endpoints;
  readonly groups: readonly SliceGroup[];
}

/** `zoneOf`: the zone of a node, if it has one. */
export function planEndpoints(
  service: Service,
  pods: readonly Pod[],
  zoneOf: (nodeName: string) => string | undefined = () => undefined,
): EndpointsPlan {
  const reachable = pods.filter((pod) => pod.status?.podIP && !isFinished(pod));
  const sorted = [...reachable].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  const groups = groupByPorts(service, sorted);
  const families = familiesOf(service);
  return {
    endpoints: endpointsOf(service, groups, families[0]!),
    groups: families.flatMap((family) =>
      groups.map(({ ports, pods: members }) => ({
        addressType: family,
        ports,
        endpoints: members.flatMap((pod) => endpointOf(service, pod, family, zoneOf)),
      })),
    ),
  };
}

function familiesOf({ spec }: Service): AddressType[] {
  const families = (spec?.ipFamilies ?? []) as AddressType[];
  if (families.length > 0) return families;
  return [isIPv6(spec?.clusterIP ?? '') ? 'IPv6' : 'IPv4'];
}

function addressOf(pod: Pod, family: AddressType): string | undefined {
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? [];
  const known = all.length > 0 ? all : [pod.status!.podIP!];
  return known.find((ip) => isIPv6(ip ?? '') === (family === 'IPv6'));
}

function groupByPorts(service: Service, pods: readonly Pod[]): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const ports = (service.spec?.ports ?? []).flatMap((port) => resolvePort(port, pod));
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const id = canonicalJson(ports);
    const group = groups.get(id);
    if (group) group.pods.push(pod);
    else groups.set(id, { ports, pods: [pod] });
  }
  return [...groups.values()];
}

function resolvePort({ name, port, protocol = 'TCP', targetPort = port, appProtocol }: ServicePort, pod: Pod): Port[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const number =
    typeof targetPort === 'number'
      ? targetPort
      : [...(pod.spec?.containers ?? []), ...sidecars]
          .flatMap(({ ports = [] }) => ports)
          .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? 'TCP') === protocol)
          ?.containerPort;
  if (number === undefined) return [];
  return [{ ...(name && { name }), port: number, protocol, ...(appProtocol && { appProtocol }) }];
}

function targetOf(pod: Pod) {
  return { kind: 'Pod', namespace: pod.metadata?.namespace, name: pod.metadata?.name, uid: pod.metadata?.uid };
}

/** The name under which the pod is found below a headless Service. */
function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  const { name, namespace } = service.metadata ?? {};
  return hostname && subdomain === name && pod.metadata?.namespace === namespace ? hostname : undefined;
}

function endpointsOf(service: Service, groups: readonly Group[], family: AddressType): Endpoints {
  const publishes = service.spec?.publishNotReadyAddresses === true;
  const reachable = groups.map(({ ports, pods }) => ({
    ports,
    pods: pods.filter((pod) => (publishes || !isDeleting(pod)) && addressOf(pod, family) !== undefined),
  }));
  const total = reachable.reduce((sum, { pods }) => sum + pods.length, 0);
  let room = maxEndpointsAddresses;
  const subsets = reachable.flatMap(({ ports, pods }): EndpointSubset[] => {
    const taken = pods.slice(0, room);
    room -= taken.length;
    const addresses = (ready: boolean) =>
      taken
        .filter((pod) => (publishes || isReady(pod)) === ready)
        .map((pod) => {
          const hostname = hostnameOf(service, pod);
          return {
            ip: addressOf(pod, family)!,
            ...(hostname && { hostname }),
            nodeName: pod.spec?.nodeName,
            targetRef: targetOf(pod),
          };
        });
    const [ready, notReady] = [addresses(true), addresses(false)];
    if (ready.length + notReady.length === 0) return [];
    return [
      {
        ...(ready.length > 0 && { addresses: ready }),
        ...(notReady.length > 0 && { notReadyAddresses: notReady }),
        ...(ports.length > 0 && { ports: [...ports] }),
      },
    ];
  });
  const { name, namespace, labels = {} } = service.metadata!;
  const headless = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name,
      namespace,
      labels: { ...labels, ...headless, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
      ...(total > maxEndpointsAddresses && { annotations: { [overCapacity]: 'truncated' } }),
    },
    ...(subsets.length > 0 && { subsets }),
  };
}

function endpointOf(
  service: Service,
  pod: Pod,
  family: AddressType,
  zoneOf: (nodeName: string) => string | undefined,
): Endpoint[] {
  const address = addressOf(pod, family);
  if (address === undefined) return [];
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameOf(service, pod);
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName && zoneOf(nodeName);
  const hints = ready ? hintsOf(service.spec?.trafficDistribution, nodeName, zone) : undefined;
  return [
    {
      addresses: [address],
      conditions: { ready, serving, terminating },
      ...(hints && { hints }),
      ...(hostname && { hostname }),
      nodeName,
      targetRef: targetOf(pod),
      ...(zone && { zone }),
    },
  ];
}

function hintsOf(wish: string | undefined, nodeName: string | undefined, zone: string | undefined): Endpoint['hints'] {
  if (!wish) return undefined;
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  const forNodes = wish === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length > 0 ? hints : undefined;
}
