/** What a node's conditions mean for pods: taints, and for how long a pod puts up with them. Pure. */
import type { Node, Pod, Taint, Toleration } from '../../api/generated/types/core-v1.ts';
import { timestamp } from '../shared/time.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** Conditions that keep new pods away while they are True. */
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};

const managed = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)]);

/** The taints that the node should have: those of others as they are, ours as its conditions want them, each since when it began. */
export function wantedTaints(
  node: Node,
  conditions: readonly { type: string; status: string }[],
  nowMs: number,
): Taint[] {
  const present = node.spec?.taints ?? [];
  const wanted: [string, string][] = [];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status;
  if (ready !== 'True') {
    const key = ready === 'Unknown' ? unreachableTaint : notReadyTaint;
    wanted.push([key, 'NoSchedule'], [key, 'NoExecute']);
  }
  if (node.spec?.unschedulable) wanted.push([unschedulableTaint, 'NoSchedule']);
  for (const { type, status } of conditions) {
    const key = pressureTaints[type];
    if (key && status === 'True') wanted.push([key, 'NoSchedule']);
  }
  const isManaged = ({ key, effect }: Taint) => managed.has(key) && effect !== 'PreferNoSchedule';
  return [
    ...present.filter((taint) => !isManaged(taint)),
    ...wanted.map(
      ([key, effect]) =>
        present.find((taint) => taint.key === key && taint.effect === effect) ?? {
          key,
          effect,
          timeAdded: timestamp(nowMs),
        },
    ),
  ];
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (!toleration.key && toleration.operator !== 'Exists') return false;
  return toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
}

/**
 * When a pod must leave a node, in milliseconds since 1970; undefined: never.
 *
 * @param capMs upper limit of the time that a pod may stay on a node that is not ready or unreachable, whatever it tolerates for a while.
 */
export function evictionTimeMs(
  pod: Pod,
  taints: readonly Taint[],
  capMs: number | undefined,
  nowMs: number,
): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerations = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const addedMs = taint.timeAdded ? Date.parse(taint.timeAdded) : nowMs;
    const limits = tolerations.flatMap(({ tolerationSeconds }) =>
      tolerationSeconds === undefined ? [] : [tolerationSeconds * 1000],
    );
    if (tolerations.length > 0 && limits.length === 0) continue;
    const isOurs = taint.key === notReadyTaint || taint.key === unreachableTaint;
    if (isOurs && capMs !== undefined && tolerations.length > 0) limits.push(capMs);
    const atMs = tolerations.length === 0 ? nowMs : addedMs + Math.max(0, Math.min(...limits));
    earliest = Math.min(earliest ?? atMs, atMs);
  }
  return earliest;
}
