/** Which endpoints a Service's port has for traffic from this node, by upstream's rules (policies, topology, terminating endpoints). Pure. */
import type { Service, ServicePort } from '../../api/generated/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/generated/types/discovery-v1.ts';

/** Where this proxy runs. */
export interface Place {
  readonly node: string;
  readonly zone: string | undefined;
}

export interface Backend {
  readonly address: string;
  readonly port: number;
  readonly isLocal: boolean;
}

interface Candidate extends Backend {
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zones: readonly string[] | undefined;
  readonly nodes: readonly string[] | undefined;
}

export interface Backends {
  /** For traffic that may go anywhere in the cluster. */
  readonly cluster: readonly Backend[];
  /** For traffic that stays on the node. */
  readonly local: readonly Backend[];
  /** There is somebody somewhere: without local ones traffic is dropped, not refused. */
  readonly anywhere: boolean;
  /** Ready ones on this node: what a health check asks for. */
  readonly localReady: number;
}

export function backendsOf(
  service: Service,
  port: ServicePort,
  slices: Iterable<EndpointSlice>,
  family: 'IPv4' | 'IPv6',
  place: Place,
): Backends {
  const all = candidates(port, slices, family, place);
  const ready = all.filter((one) => one.ready);
  const cluster = preferClose(ready, service, place);
  const usable = (among: readonly Candidate[]): readonly Candidate[] => {
    const those = among.filter((one) => one.ready);
    return those.length > 0 ? those : among.filter((one) => one.serving && one.terminating);
  };
  const local = all.filter((one) => one.isLocal);
  return {
    cluster: cluster.length > 0 ? cluster : usable(all),
    local: usable(local),
    anywhere: usable(all).length > 0,
    localReady: local.filter((one) => one.ready).length,
  };
}

function candidates(
  port: ServicePort,
  slices: Iterable<EndpointSlice>,
  family: string,
  place: Place,
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const { name, port: number, protocol = 'TCP' } of slice.ports ?? []) {
      if ((name ?? '') !== (port.name ?? '') || protocol !== (port.protocol ?? 'TCP') || number === undefined) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const candidate = candidateOf(endpoint, number, place);
        if (!candidate) continue;
        const key = `${candidate.address} ${number}`;
        // A pod may be in two slices for a moment: the better news counts.
        if (!found.get(key)?.ready) found.set(key, candidate);
      }
    }
  }
  return [...found.values()];
}

function candidateOf(endpoint: Endpoint, port: number, place: Place): Candidate | undefined {
  const address = endpoint.addresses?.[0];
  if (address === undefined) return undefined;
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
  return {
    address,
    port,
    isLocal: endpoint.nodeName === place.node,
    ready,
    serving,
    terminating,
    zones: endpoint.hints?.forZones?.map(({ name }) => name),
    nodes: endpoint.hints?.forNodes?.map(({ name }) => name),
  };
}

/** Hints count only if every endpoint has them and one of them is meant for us. */
function preferClose(ready: readonly Candidate[], service: Service, { node, zone }: Place): readonly Candidate[] {
  if (ready.length === 0 || !takesHints(service)) return ready;
  if (ready.every(({ nodes }) => nodes !== undefined && nodes.length > 0)) {
    const near = ready.filter(({ nodes }) => nodes!.includes(node));
    if (near.length > 0) return near;
  }
  if (zone === undefined || !ready.every(({ zones }) => zones !== undefined && zones.length > 0)) return ready;
  const near = ready.filter(({ zones }) => zones!.includes(zone));
  return near.length > 0 ? near : ready;
}

function takesHints({ metadata, spec }: Service): boolean {
  if (spec?.trafficDistribution) return true;
  const mode = metadata?.annotations?.['service.kubernetes.io/topology-mode'];
  return mode !== undefined && mode.toLowerCase() === 'auto';
}
