/** Sizes: what is asked for and what is there. Pure. */
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { rollingUpdateBounds } from '../../api/meta/int-or-string.ts';

export function replicasOf(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}

export function sizeOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

/** Never more than asked for: a status may still count pods that are about to be deleted. */
export function availableOf(set: ReplicaSet): number {
  return Math.min(set.status?.availableReplicas ?? 0, sizeOf(set));
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec?.strategy?.type !== 'Recreate';
}

/** Pods above and below `replicas` that a rolling update may cause; zero both for Recreate. */
export function boundsOf(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const replicas = replicasOf(deployment);
  const bounds = rollingUpdateBounds(maxSurge, maxUnavailable, replicas);
  return { surge: bounds.surge, unavailable: Math.min(bounds.unavailable, replicas) };
}
