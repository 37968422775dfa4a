/** From what is known of a node to its conditions and taints, and to what becomes of its pods. Pure. */
import type { Node, NodeCondition, Pod, PodCondition, Taint } from '../../api/generated/types/core-v1.ts';
import { isDeleting } from '../shared/owners.ts';
import { isFinished, isReady } from '../shared/pods.ts';
import { timestamp } from '../shared/time.ts';
import { evictionTimeMs, wantedTaints } from './taints.ts';

/** What an agent that is silent can no longer vouch for. */
const reportedConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

export interface NodeObservation {
  readonly node: Node;
  /** Since any master last heard of it, as far as this leader can have known. */
  readonly silentMs: number;
  readonly graceMs: number;
  readonly nowMs: number;
}

export interface NodePlan {
  /** All conditions, when some change. */
  readonly conditions: NodeCondition[] | undefined;
  /** All taints, when some change. */
  readonly taints: Taint[] | undefined;
  /** The node was reachable until now. */
  readonly isLost: boolean;
}

export function planNode({ node, silentMs, graceMs, nowMs }: NodeObservation): NodePlan {
  const present = node.status?.conditions ?? [];
  const conditions = silentMs > graceMs ? unknownConditions(present, nowMs) : present;
  const taints = wantedTaints(node, conditions, nowMs);
  return {
    conditions: conditions === present ? undefined : conditions,
    taints: sameTaints(taints, node.spec?.taints ?? []) ? undefined : taints,
    isLost: present.find(({ type }) => type === 'Ready')?.status === 'True' && conditions !== present,
  };
}

function unknownConditions(present: NodeCondition[], nowMs: number): NodeCondition[] {
  const now = timestamp(nowMs);
  let isChanged = false;
  const result = [...present];
  for (const type of reportedConditions) {
    const index = result.findIndex((condition) => condition.type === type);
    const old = result[index];
    if (old?.status === 'Unknown') continue;
    isChanged = true;
    const reason = old ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated';
    const message = old ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.';
    const condition = { ...old, type, status: 'Unknown', reason, message, lastTransitionTime: now };
    if (old) result[index] = condition;
    else result.push(condition);
  }
  return isChanged ? result : present;
}

function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const has = (taints: readonly Taint[], { key, effect, value }: Taint) =>
    taints.some((other) => other.key === key && other.effect === effect && (other.value ?? '') === (value ?? ''));
  return a.length === b.length && a.every((taint) => has(b, taint));
}

export interface PodsObservation {
  readonly node: Node;
  readonly pods: readonly Pod[];
  /** No node can be reached: the fault is more likely ours, and there is nowhere to go. */
  readonly isEveryNodeLost: boolean;
  readonly evictionMs: number | undefined;
  readonly nowMs: number;
}

export interface PodsPlan {
  /** With all their conditions as they should be. */
  readonly markNotReady: readonly { readonly pod: Pod; readonly conditions: PodCondition[] }[];
  readonly evict: readonly Pod[];
  /** Until the next pod must leave. */
  readonly requeueAfterMs: number | undefined;
}

export function planPods({ node, pods, isEveryNodeLost, evictionMs, nowMs }: PodsObservation): PodsPlan {
  const isUnknown = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown';
  const evict: Pod[] = [];
  const waits: number[] = [];
  for (const pod of isEveryNodeLost ? [] : pods) {
    if (isDeleting(pod) || isFinished(pod)) continue;
    const atMs = evictionTimeMs(pod, node.spec?.taints ?? [], evictionMs, nowMs);
    if (atMs === undefined) continue;
    if (atMs <= nowMs) evict.push(pod);
    else waits.push(atMs - nowMs);
  }
  return {
    markNotReady: isUnknown
      ? pods.filter((pod) => isReady(pod) && !isFinished(pod)).map((pod) => ({ pod, conditions: notReady(pod, nowMs) }))
      : [],
    evict,
    requeueAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

function notReady(pod: Pod, nowMs: number): PodCondition[] {
  return (pod.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready'
      ? {
          ...condition,
          status: 'False',
          reason: 'NodeLost',
          message: 'The node is unreachable.',
          lastTransitionTime: timestamp(nowMs),
        }
      : condition,
  );
}
