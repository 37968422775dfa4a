/** What an update of a Service means for what was given out to it. Pure but for the object, which is changed in place. */
import type { Service, ServicePort, ServiceSpec } from '../../generated/types/core-v1.ts';
import { headless } from './defaults.ts';

export function needsClusterIp({ type = 'ClusterIP' }: ServiceSpec): boolean {
  return type !== 'ExternalName';
}

/** Any node port may be used, given out by itself or asked for. */
export function needsNodePort({ type }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}

/** Node ports are given out where none is asked for. */
export function getsNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function isReachableFromOutside(spec: ServiceSpec): boolean {
  return needsNodePort(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
}

export function isHeadless({ clusterIP, clusterIPs }: ServiceSpec): boolean {
  return clusterIP === headless || clusterIPs?.[0] === headless;
}

/** The older field follows from the newer list, and the other way round, by which of them the client changed. */
export function alignClusterIps(service: Service, old: Service | undefined): void {
  const { spec } = service;
  if (!spec) return;
  const { clusterIP, clusterIPs = [] } = spec;
  if (!old) {
    if (clusterIP && clusterIPs.length === 0) spec.clusterIPs = [clusterIP];
    return;
  }
  const before = old.spec;
  const sameList = sameStrings(clusterIPs, before?.clusterIPs ?? []);
  if (before?.clusterIP && !clusterIP && sameList) delete spec.clusterIPs;
  else if (before?.clusterIP && clusterIP && clusterIP !== before.clusterIP && sameList) spec.clusterIPs = [clusterIP];
}

/** What the new type has no use for goes, unless the client has just set it (then validation says what is wrong with that). */
export function dropUnused(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  if (!spec || !before) return;
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (sameStrings(spec.clusterIPs, before.clusterIPs) && spec.clusterIP === before.clusterIP) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (sameStrings(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
    if (spec.internalTrafficPolicy === before.internalTrafficPolicy) delete spec.internalTrafficPolicy;
  }
  if (needsNodePort(before) && !needsNodePort(spec) && sameNodePorts(spec, before)) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckNodePort(before) && !needsHealthCheckNodePort(spec)) {
    if (spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isReachableFromOutside(before) && !isReachableFromOutside(spec)) {
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
}

/** What was given out stays when a client that does not know of it leaves it out. */
export function keepGiven(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  if (!spec || !before) return;
  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if ((spec.clusterIPs?.length ?? 0) === 0 && before.clusterIPs && spec.clusterIP === before.clusterIP)
      spec.clusterIPs = [...before.clusterIPs];
    if (!spec.ipFamilies && before.ipFamilies) spec.ipFamilies = [...before.ipFamilies];
    spec.ipFamilyPolicy ??= before.ipFamilyPolicy!;
    if (spec.ipFamilyPolicy === undefined) delete (spec as { ipFamilyPolicy?: unknown }).ipFamilyPolicy;
    trimForSingleStack(spec, before);
  }
  if (needsNodePort(before) && needsNodePort(spec)) keepNodePorts(spec, before);
  if (needsHealthCheckNodePort(before) && needsHealthCheckNodePort(spec) && !spec.healthCheckNodePort) {
    if (before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

/** A second address that nobody touched goes when the Service shall have one family only. */
function trimForSingleStack(spec: ServiceSpec, before: ServiceSpec): void {
  if (before.ipFamilyPolicy === 'SingleStack' || spec.ipFamilyPolicy !== 'SingleStack') return;
  if (sameStrings(spec.clusterIPs, before.clusterIPs) && spec.clusterIPs) spec.clusterIPs = spec.clusterIPs.slice(0, 1);
  if (sameStrings(spec.ipFamilies, before.ipFamilies) && spec.ipFamilies) spec.ipFamilies = spec.ipFamilies.slice(0, 1);
}

function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const id = ({ protocol = 'TCP', port }: ServicePort): string => `${protocol}/${port}`;
  const known = new Map((before.ports ?? []).map((port) => [id(port), port.nodePort]));
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort).filter(Boolean));
  for (const port of spec.ports ?? []) {
    const nodePort = known.get(id(port));
    if (port.nodePort || !nodePort || used.has(nodePort)) continue;
    port.nodePort = nodePort;
  }
}

function sameNodePorts({ ports = [] }: ServiceSpec, { ports: before = [] }: ServiceSpec): boolean {
  const known = new Set(before.map(({ nodePort }) => nodePort ?? 0));
  return ports.every(({ nodePort }) => known.has(nodePort ?? 0));
}

function sameStrings(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  const [left, right] = [a ?? [], b ?? []];
  return left.length === right.length && left.every((text, i) => text === right[i]);
}
