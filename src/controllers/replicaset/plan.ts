/** From a ReplicaSet and the pods it sees to what must be done. Pure. */
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../api/generated/types/apps-v1.ts';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { withoutZeros } from '../shared/counts.ts';
import { selects } from '../shared/label-selector.ts';
import { claim, isDeleting } from '../shared/owners.ts';
import { availableInMs, isActive, isFinished, isReady } from '../shared/pods.ts';
import { timestamp } from '../shared/time.ts';
import { inDeletionOrder } from './deletion-order.ts';

/** Pods created or deleted for one ReplicaSet in one pass. */
export const burstReplicas = 500;

export interface ReplicaSetObservation {
  readonly replicaSet: ReplicaSet;
  /** Pods that it controls and pods of its namespace that nobody controls. */
  readonly pods: readonly Pod[];
  /** Pods of all ReplicaSets of the same Deployment, for spreading what is left; its own included. */
  readonly relatedPods: readonly Pod[];
  readonly nowMs: number;
}

export interface ReplicaSetPlan {
  readonly adopt: readonly Pod[];
  readonly release: readonly Pod[];
  readonly create: number;
  readonly delete: readonly Pod[];
  readonly status: ReplicaSetStatus;
  /** When the next pod becomes available by mere passing of time. */
  readonly requeueAfterMs: number | undefined;
}

export function planReplicaSet({ replicaSet, pods, relatedPods, nowMs }: ReplicaSetObservation): ReplicaSetPlan {
  const matches = (pod: Pod) => selects(replicaSet.spec?.selector, pod.metadata?.labels);
  const claimed = claim(
    replicaSet,
    pods.filter((pod) => !isFinished(pod)),
    matches,
  );
  const adopted = claimed.adopt.filter(isActive);
  const active = [...claimed.owned.filter(isActive), ...adopted];
  const wanted = replicaSet.spec?.replicas ?? 1;
  const difference = isDeleting(replicaSet) ? 0 : wanted - active.length;
  const waits = active
    .map((pod) => availableInMs(pod, replicaSet.spec?.minReadySeconds ?? 0, nowMs))
    .filter((wait): wait is number => wait !== undefined && wait > 0);
  return {
    adopt: adopted,
    release: claimed.release,
    create: Math.min(Math.max(difference, 0), burstReplicas),
    delete:
      difference < 0
        ? inDeletionOrder(active, countByNode(relatedPods)).slice(0, Math.min(-difference, burstReplicas))
        : [],
    status: statusOf(replicaSet, active, claimed.owned, nowMs),
    requeueAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

function countByNode(pods: readonly Pod[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const pod of pods.filter(isActive)) {
    const node = pod.spec?.nodeName;
    if (node) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

function statusOf(replicaSet: ReplicaSet, active: Pod[], owned: Pod[], nowMs: number): ReplicaSetStatus {
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0;
  const templateLabels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {});
  const count = (holds: (pod: Pod) => boolean) => active.filter(holds).length;
  const { conditions } = replicaSet.status ?? {};
  return {
    replicas: active.length,
    ...withoutZeros({
      fullyLabeledReplicas: count((pod) =>
        templateLabels.every(([key, value]) => pod.metadata?.labels?.[key] === value),
      ),
      readyReplicas: count(isReady),
      availableReplicas: count((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0),
    }),
    terminatingReplicas: owned.filter(isDeleting).length,
    observedGeneration: replicaSet.metadata?.generation,
    ...(conditions && { conditions }),
  };
}

/** The condition ReplicaFailure says why pods cannot be created or deleted; it goes when they can. */
export function withFailure(
  status: ReplicaSetStatus,
  failure: { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string } | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const { conditions = [], ...rest } = status;
  const others = conditions.filter(({ type }) => type !== 'ReplicaFailure');
  const present = conditions.find(({ type }) => type === 'ReplicaFailure');
  if (!failure) return others.length > 0 ? { ...rest, conditions: others } : rest;
  const unchanged = present?.reason === failure.reason && present.message === failure.message;
  const condition: ReplicaSetCondition = unchanged
    ? present
    : { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(nowMs), ...failure };
  return { ...rest, conditions: [...others, condition] };
}
