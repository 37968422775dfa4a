/** Scaling a Deployment between or in the middle of rollouts. Pure. */
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { annotatedSize, desiredAnnotation, maxAnnotation } from './annotations.ts';
import type { Sizes } from './rolling.ts';
import { boundsOf, isRolling, replicasOf, sizeOf, sum } from './size.ts';
import { byAge } from './template.ts';

export function scaleSets(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Sizes {
  const replicas = replicasOf(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const active = all.filter((set) => sizeOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? byAge(oldSets).at(-1);
    return new Map(only ? [[only.metadata!.uid!, replicas]] : []);
  }
  if (newSet && isSaturated(deployment, newSet))
    return new Map(oldSets.filter((set) => sizeOf(set) > 0).map((set) => [set.metadata!.uid!, 0]));
  if (isRolling(deployment)) return proportional(deployment, active);
  // Recreate takes the old ones to zero by itself: only the size they were made for is noted anew.
  return new Map(active.map((set) => [set.metadata!.uid!, sizeOf(set)]));
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const replicas = replicasOf(deployment);
  return (
    sizeOf(set) === replicas &&
    annotatedSize(set, desiredAnnotation) === replicas &&
    (set.status?.availableReplicas ?? 0) === replicas
  );
}

/** Every ReplicaSet gets its share of what is added or taken, so that a rollout in progress goes on where it was. */
function proportional(deployment: Deployment, active: readonly ReplicaSet[]): Sizes {
  const replicas = replicasOf(deployment);
  const allowed = replicas > 0 ? replicas + boundsOf(deployment).surge : 0;
  const toAdd = allowed - sum(active, sizeOf);
  const oldestFirst = byAge(active);
  const sorted = (toAdd > 0 ? oldestFirst.reverse() : oldestFirst).sort((a, b) => sizeOf(b) - sizeOf(a));
  const sizes: Sizes = new Map();
  let added = 0;
  for (const set of sorted) {
    const share = fraction(deployment, set, allowed);
    const left = toAdd - added;
    const change = toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
    sizes.set(set.metadata!.uid!, sizeOf(set) + change);
    added += change;
  }
  const first = sorted[0]!.metadata!.uid!;
  sizes.set(first, Math.max(0, sizes.get(first)! + toAdd - added));
  return sizes;
}

function fraction(deployment: Deployment, set: ReplicaSet, allowed: number): number {
  if (replicasOf(deployment) === 0) return -sizeOf(set);
  const base = annotatedSize(set, maxAnnotation) ?? deployment.status?.replicas ?? 0;
  return base === 0 ? 0 : Math.round((sizeOf(set) * allowed) / base) - sizeOf(set);
}
