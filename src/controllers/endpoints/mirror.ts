/** Endpoints that somebody writes for a Service without a selector, as EndpointSlices. Pure. */
import { isIPv6 } from 'node:net';
import type { EndpointAddress, Endpoints, Service } from '../../api/generated/types/core-v1.ts';
import type { Endpoint } from '../../api/generated/types/discovery-v1.ts';
import { controllerReference } from '../shared/owners.ts';
import { managedByLabel, type Port, type SliceGroup, type SliceOwner } from './slices.ts';

export const mirrorManager = 'endpointslicemirroring-controller.k8s.io';
/** Upstream's limit of addresses mirrored from one subset. */
const maxMirroredAddresses = 1_000;
const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';
const headlessLabel = 'service.kubernetes.io/headless';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notMirrored = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
]);

/** Whether these Endpoints are somebody's own words about a Service that nobody else speaks for. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels = {}, annotations = {} } = endpoints.metadata ?? {};
  if (labels[skipMirrorLabel] === 'true' || annotations[leaderAnnotation] !== undefined) return false;
  return service !== undefined && Object.keys(service.spec?.selector ?? {}).length === 0;
}

export function mirrorOwner(endpoints: Endpoints): SliceOwner {
  const { namespace = '', name = '', labels = {}, annotations = {} } = endpoints.metadata ?? {};
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !notMirrored.has(key)));
  const { [headlessLabel]: _, ...ownLabels } = labels;
  return {
    namespace,
    name,
    labels: { ...ownLabels, [managedByLabel]: mirrorManager },
    ...(Object.keys(kept).length > 0 && { annotations: kept }),
    reference: controllerReference(endpoints, 'v1', 'Endpoints'),
  };
}

export function mirrorGroups({ subsets = [] }: Endpoints): SliceGroup[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => endpointOf(address, true)),
      ...notReadyAddresses.map((address) => endpointOf(address, false)),
    ].slice(0, maxMirroredAddresses);
    const slicePorts = ports.map(
      ({ name, port, protocol = 'TCP', appProtocol }): Port => ({
        name: name ?? '',
        port,
        protocol,
        ...(appProtocol && { appProtocol }),
      }),
    );
    return (['IPv4', 'IPv6'] as const).map((addressType) => ({
      addressType,
      ports: slicePorts,
      endpoints: all.filter((endpoint) => isIPv6(endpoint.addresses[0]!) === (addressType === 'IPv6')),
    }));
  });
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef }),
  };
}
