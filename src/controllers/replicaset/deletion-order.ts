/** Which pods go first when there are too many: those whose loss is felt least. The order is upstream's. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { isReady, readySinceMs } from '../shared/pods.ts';

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0);
  return Number.isFinite(cost) ? cost : 0;
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

function createdMs(pod: Pod): number {
  return Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
}

/**
 * Sorted copy, first to go first: unassigned, pending, not ready, cheap by annotation, on the node with most of its kind, ready for the
 * shortest time, most restarts, youngest; then by name, so that every replica would choose the same.
 *
 * @param podsOnNode how many pods of the same workload are on a node.
 */
export function inDeletionOrder(pods: readonly Pod[], podsOnNode: ReadonlyMap<string, number>): Pod[] {
  const rankOf = (pod: Pod): number[] => [
    pod.spec?.nodeName ? 1 : 0,
    phaseRank[pod.status?.phase ?? 'Pending'] ?? 1,
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(podsOnNode.get(pod.spec?.nodeName ?? '') ?? 0),
    -(readySinceMs(pod) ?? 0),
    -restarts(pod),
    -createdMs(pod),
  ];
  return pods
    .map((pod) => ({ pod, rank: rankOf(pod) }))
    .sort((a, b) => {
      for (let i = 0; i < a.rank.length; i++) if (a.rank[i] !== b.rank[i]) return a.rank[i]! - b.rank[i]!;
      return a.pod.metadata!.name! < b.pod.metadata!.name! ? -1 : 1;
    })
    .map(({ pod }) => pod);
}
