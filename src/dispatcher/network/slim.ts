/** What of each object the nodes are told: enough for addresses, names, routes and policies, and nothing that changes all the time. Pure. */
import type { Namespace, Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import type { NetworkPolicy } from '../../api/generated/types/networking-v1.ts';
import type { ObjectMeta, TypedObject } from '../../api/types.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const topologyLabel = /^topology\.kubernetes\.io\/|^kubernetes\.io\/hostname$/;
const networkAnnotation = /^network\.trimast\.io\//;

export function slimService({ metadata, spec, status }: Service): Service {
  return { metadata: described(metadata), ...(spec && { spec }), ...(status && { status }) };
}

export function slimSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return { metadata: described(metadata), addressType, endpoints, ...(ports && { ports }) };
}

export function slimPolicy({ metadata, spec }: NetworkPolicy): NetworkPolicy {
  return { metadata: identity(metadata), ...(spec && { spec }) };
}

export function slimNamespace({ metadata }: Namespace): Namespace {
  return { metadata: { ...identity(metadata), ...labels(metadata) } };
}

export function slimNetworkNode({ metadata, spec, status }: Node): Node {
  const { podCIDR, podCIDRs } = spec ?? {};
  const own = filtered(metadata?.labels, topologyLabel);
  const annotations = filtered(metadata?.annotations, networkAnnotation);
  return {
    metadata: { ...identity(metadata), ...(own && { labels: own }), ...(annotations && { annotations }) },
    spec: { podCIDR, podCIDRs },
    status: { addresses: status?.addresses },
  };
}

/** Ports with a name are what Services and policies may refer to. */
export function slimNetworkPod({ metadata, spec, status }: Pod): Pod {
  const { nodeName, hostNetwork, hostname, subdomain } = spec ?? {};
  const initSidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = [...(spec?.containers ?? []), ...initSidecars].flatMap(({ name, ports }) => {
    const named = (ports ?? []).filter((port) => port.name);
    return named.length > 0 ? [{ name, ports: named }] : [];
  });
  return {
    metadata: { ...identity(metadata), ...labels(metadata) },
    spec: { nodeName, hostNetwork, hostname, subdomain, containers },
    status: { phase: status?.phase, podIP: status?.podIP, podIPs: status?.podIPs },
  };
}

/** A pod that nobody can reach or be reached by is nothing to tell. */
export function hasAddress(pod: Pod): boolean {
  const { phase, podIP } = pod.status ?? {};
  return podIP !== undefined && podIP !== '' && phase !== 'Succeeded' && phase !== 'Failed';
}

/** Whether a node would see a difference between two slim objects. */
export function sameSlim(a: TypedObject, b: TypedObject): boolean {
  return visible(a) === visible(b);
}

function visible({ metadata, ...rest }: TypedObject): string {
  return JSON.stringify([metadata?.uid, metadata?.labels, metadata?.annotations, rest]);
}

function identity(metadata: ObjectMeta | undefined): ObjectMeta {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion };
}

function labels(metadata: ObjectMeta | undefined): { labels?: Record<string, string> } {
  return metadata?.labels ? { labels: metadata.labels } : {};
}

function described(metadata: ObjectMeta | undefined): ObjectMeta {
  const { [lastApplied]: _, ...annotations } = metadata?.annotations ?? {};
  const owners = metadata?.ownerReferences;
  return {
    ...identity(metadata),
    ...labels(metadata),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(owners && { ownerReferences: owners }),
  };
}

function filtered(map: Record<string, string> | undefined, pattern: RegExp): Record<string, string> | undefined {
  const entries = Object.entries(map ?? {}).filter(([key]) => pattern.test(key));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
