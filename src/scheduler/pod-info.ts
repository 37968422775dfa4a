/** From API objects to what the scheduler keeps. */
import type { Node, Pod } from '../api/generated/types/core-v1.ts';
import { podRequests, type Resources, toResources } from '../api/meta/pod-resources.ts';
import type { HostPort, NodeInfo, PodInfo } from './types.ts';

/** What scoring assumes of a pod that asks for nothing, so that such pods spread too: 100 millicores, 200 MiB. */
const assumedCpuMillicores = 100;
const assumedMemoryBytes = 200 * 1024 * 1024;

export function podKey(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
}

export function toPodInfo(pod: Pod): PodInfo {
  const spec = pod.spec ?? { containers: [] };
  const requests = podRequests(spec);
  return {
    key: podKey(pod),
    uid: pod.metadata?.uid ?? '',
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    labels: pod.metadata?.labels ?? {},
    nodeName: spec.nodeName ?? '',
    priority: spec.priority ?? 0,
    requests,
    scoredUse: {
      cpu: requests.get('cpu') || assumedCpuMillicores,
      memory: requests.get('memory') || assumedMemoryBytes,
    },
    hostPorts: hostPorts(spec),
    nodeSelector: spec.nodeSelector ?? {},
    affinity: spec.affinity,
    tolerations: spec.tolerations ?? [],
    topologySpread: spec.topologySpreadConstraints ?? [],
    ownerUid: pod.metadata?.ownerReferences?.find((owner) => owner.controller)?.uid,
    schedulingGated: (spec.schedulingGates ?? []).length > 0,
  };
}

function hostPorts(spec: NonNullable<Pod['spec']>): HostPort[] {
  const result: HostPort[] = [];
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const port of container.ports ?? []) {
      if (!port.hostPort) continue;
      result.push({ protocol: port.protocol || 'TCP', ip: port.hostIP || '0.0.0.0', port: port.hostPort });
    }
  }
  return result;
}

/** A pod that has ended uses nothing any more. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export type NodeFacts = Pick<NodeInfo, 'name' | 'labels' | 'taints' | 'unschedulable' | 'allocatable'>;

export function toNodeFacts(node: Node): NodeFacts {
  const allocatable = (node.status?.allocatable ?? node.status?.capacity) as Record<string, string> | undefined;
  return {
    name: node.metadata?.name ?? '',
    labels: node.metadata?.labels ?? {},
    taints: node.spec?.taints ?? [],
    unschedulable: node.spec?.unschedulable ?? false,
    allocatable: toResources(allocatable) as Resources,
  };
}
