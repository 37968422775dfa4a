/**
 * One step of a rolling update. Pure.
 *
 * Invariant: after any step, the pods that are asked for minus those of the new ReplicaSet that are not available yet are at least
 * `replicas - maxUnavailable`; so with maxUnavailable 0 no available pod is taken away before its successor is available.
 */
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { availableOf, boundsOf, isRolling, replicasOf, sizeOf, sum } from './size.ts';
import { byAge } from './template.ts';

/** New sizes by uid, of those ReplicaSets that change. */
export type Sizes = Map<string, number>;

/** How large the new ReplicaSet may be now. */
export function newSetSize(deployment: Deployment, newSize: number, allSets: readonly ReplicaSet[]): number {
  const replicas = replicasOf(deployment);
  if (newSize >= replicas || !isRolling(deployment)) return replicas;
  const room = replicas + boundsOf(deployment).surge - sum(allSets, sizeOf);
  return room <= 0 ? newSize : newSize + Math.min(room, replicas - newSize);
}

/** Takes away old pods: first those that are not available anyway, then as many as the new ones have replaced. */
export function shrinkOldSets(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Sizes {
  const minAvailable = replicasOf(deployment) - boundsOf(deployment).unavailable;
  const newUnavailable = sizeOf(newSet) - availableOf(newSet);
  let budget = sum(oldSets, sizeOf) + sizeOf(newSet) - minAvailable - newUnavailable;
  const sizes: Sizes = new Map();
  const shrink = (set: ReplicaSet, most: number) => {
    const uid = set.metadata!.uid!;
    const size = sizes.get(uid) ?? sizeOf(set);
    const count = Math.min(most, size, budget);
    if (count <= 0) return 0;
    sizes.set(uid, size - count);
    budget -= count;
    return count;
  };
  const oldest = byAge(oldSets);
  for (const set of oldest) shrink(set, sizeOf(set) - availableOf(set));
  let surplus = sum(oldSets, availableOf) + availableOf(newSet) - minAvailable;
  for (const set of oldest) surplus -= shrink(set, surplus);
  return sizes;
}
