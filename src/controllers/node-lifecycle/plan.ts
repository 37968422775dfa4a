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
  /** The node is back for long enough to have reported whatever changed while it was away. */
  readonly hasCaughtUp: boolean;
  readonly nowMs: number;
}

export interface PodsPlan {
  /** Pods whose readiness changes because their node went or came back, with all their conditions as they should be. */
  readonly rewrite: readonly { readonly pod: Pod; readonly conditions: PodCondition[] }[];
  readonly evict: readonly Pod[];
  /** Until the next pod must leave. */
  readonly requeueAfterMs: number | undefined;
}

export function planPods({ node, pods, isEveryNodeLost, evictionMs, hasCaughtUp, nowMs }: PodsObservation): PodsPlan {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
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
    rewrite: pods.filter((pod) => !isFinished(pod)).flatMap((pod) => rewritten(pod, ready, hasCaughtUp, nowMs)),
    evict,
    requeueAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

const lostReason = 'NodeLost';

function rewritten(pod: Pod, nodeReady: string | undefined, hasCaughtUp: boolean, nowMs: number): PodsPlan['rewrite'] {
  const lastTransitionTime = timestamp(nowMs);
  if (nodeReady === 'Unknown' && isReady(pod)) {
    const message = 'The node is unreachable.';
    return [{ pod, conditions: withReady(pod, { status: 'False', reason: lostReason, message, lastTransitionTime }) }];
  }
  // Agents report changes only: what still bears our mark is as it was before the node was lost.
  const isMarked = pod.status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === lostReason);
  if (nodeReady === 'True' && hasCaughtUp && isMarked && !isDeleting(pod))
    return [{ pod, conditions: withReady(pod, { status: 'True', lastTransitionTime }) }];
  return [];
}

function withReady(pod: Pod, change: Omit<PodCondition, 'type'>): PodCondition[] {
  return (pod.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready' ? { type: 'Ready', ...change } : condition,
  );
}
