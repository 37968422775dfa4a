/** From a Service and its pods to where it is reached: one list, from which Endpoints and EndpointSlices are made. Pure. */

import { canonicalJson } from '../../api/canonical-json.ts';
import type { EndpointSubset, Endpoints, Pod, Service, ServicePort } from '../../api/generated/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { controllerReference, isDeleting } from '../shared/owners.ts';
import { isFinished, isReady } from '../shared/pods.ts';

/** Upstream's limits: endpoints of one slice, and addresses of one Endpoints object. */
export const maxEndpointsPerSlice = 100;
export const maxEndpointsAddresses = 1_000;
export const managedBy = 'endpointslice-controller.k8s.io';
const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

type Port = { readonly name?: string; readonly port: number; readonly protocol: string; readonly appProtocol?: string };

/** Pods that resolve the ports alike: a named target port may be another number on each. */
interface Group {
  readonly ports: readonly Port[];
  readonly pods: Pod[];
}

export interface EndpointsPlan {
  readonly endpoints: Endpoints;
  /** Without names: slices are matched with those present by the controller. */
  readonly slices: readonly EndpointSlice[];
}

export function planEndpoints(service: Service, pods: readonly Pod[]): EndpointsPlan {
  const reachable = pods.filter((pod) => pod.status?.podIP && !isFinished(pod));
  const sorted = [...reachable].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  const groups = groupByPorts(service, sorted);
  return { endpoints: endpointsOf(service, groups), slices: slicesOf(service, groups) };
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
  const number =
    typeof targetPort === 'number'
      ? targetPort
      : pod.spec?.containers
          .flatMap(({ ports = [] }) => ports)
          .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? 'TCP') === protocol)
          ?.containerPort;
  if (number === undefined) return [];
  return [{ ...(name && { name }), port: number, protocol, ...(appProtocol && { appProtocol }) }];
}

function isServing(service: Service, pod: Pod): boolean {
  return isReady(pod) || service.spec?.publishNotReadyAddresses === true;
}

function targetOf(pod: Pod) {
  return { kind: 'Pod', namespace: pod.metadata?.namespace, name: pod.metadata?.name, uid: pod.metadata?.uid };
}

function endpointsOf(service: Service, groups: readonly Group[]): Endpoints {
  let room = maxEndpointsAddresses;
  const subsets = groups.flatMap(({ ports, pods }): EndpointSubset[] => {
    const taken = pods.filter((pod) => !isDeleting(pod)).slice(0, room);
    room -= taken.length;
    const addresses = (ready: boolean) =>
      taken
        .filter((pod) => isServing(service, pod) === ready)
        .map((pod) => ({ ip: pod.status!.podIP!, nodeName: pod.spec?.nodeName, targetRef: targetOf(pod) }));
    const [ready, notReady] = [addresses(true), addresses(false)];
    if (ready.length + notReady.length === 0) return [];
    return [
      {
        ...(ready.length > 0 && { addresses: ready }),
        ...(notReady.length > 0 && { notReadyAddresses: notReady }),
        ports: [...ports],
      },
    ];
  });
  const { name, namespace, labels = {} } = service.metadata!;
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, namespace, labels: { ...labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
    ...(subsets.length > 0 && { subsets }),
  };
}

function slicesOf(service: Service, groups: readonly Group[]): EndpointSlice[] {
  const slices = groups.flatMap(({ ports, pods }) => {
    const result: EndpointSlice[] = [];
    for (let start = 0; start < pods.length; start += maxEndpointsPerSlice) {
      const endpoints = pods.slice(start, start + maxEndpointsPerSlice).map((pod) => endpointOf(service, pod));
      result.push(sliceOf(service, ports, endpoints));
    }
    return result;
  });
  // A Service without pods has one empty slice, so that its readers know that it was looked at.
  return slices.length > 0 ? slices : [sliceOf(service, [], [])];
}

function endpointOf(service: Service, pod: Pod): Endpoint {
  const serving = isServing(service, pod);
  const terminating = isDeleting(pod);
  const ready = serving && (!terminating || service.spec?.publishNotReadyAddresses === true);
  return {
    addresses: [pod.status!.podIP!],
    conditions: { ready, serving, terminating },
    nodeName: pod.spec?.nodeName,
    targetRef: targetOf(pod),
  };
}

function sliceOf(service: Service, ports: readonly Port[], endpoints: Endpoint[]): EndpointSlice {
  const { name, namespace, labels = {} } = service.metadata!;
  const headless = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, ...headless, [serviceLabel]: name!, [managedByLabel]: managedBy },
      ownerReferences: [controllerReference(service, 'v1', 'Service')],
    },
    addressType: 'IPv4',
    endpoints,
    ports: [...ports],
  };
}

export interface SliceChanges {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** Turns the slices present into those wanted with as few writes as can be: equal ones stay, others of the same ports are reused. */
export function matchSlices(present: readonly EndpointSlice[], wanted: readonly EndpointSlice[]): SliceChanges {
  const content = ({ endpoints, ports, metadata }: EndpointSlice) =>
    canonicalJson({ endpoints, ports: ports ?? [], labels: metadata?.labels ?? {} });
  const free = new Set(present.filter((slice) => !isDeleting(slice)));
  const take = (matches: (slice: EndpointSlice) => boolean) => {
    const found = [...free].find(matches);
    if (found) free.delete(found);
    return found;
  };
  const changed = wanted.filter((slice) => !take((other) => content(other) === content(slice)));
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  for (const slice of changed) {
    const samePorts = (other: EndpointSlice) => canonicalJson(other.ports ?? []) === canonicalJson(slice.ports ?? []);
    const reused = take(samePorts) ?? take(() => true);
    if (!reused) create.push(slice);
    else
      update.push({
        ...reused,
        metadata: { ...reused.metadata, labels: slice.metadata?.labels },
        endpoints: slice.endpoints,
        ports: slice.ports,
      });
  }
  return { create, update, delete: [...free] };
}
