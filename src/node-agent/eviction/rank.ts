/**
 * Which pod a node that is short of something gives up first, in the documented order: those that use more than they asked for, then by priority,
 * then by how much more they use. And pods that use more of the disk than they may, whatever the node has. Pure.
 */
import { podRequests } from '../../api/meta/pod-resources.ts';
import { bytes } from '../pod/qos.ts';
import type { WantedPod } from '../pod/types.ts';
import type { Scarce, Shortage } from './thresholds.ts';

export interface PodUsage {
  readonly pod: WantedPod;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly inodes: number;
  readonly processes: number;
  readonly containers: readonly { readonly name: string; readonly memoryBytes: number; readonly diskBytes: number }[];
  /** By volume: of volumes on the node's disk, and of those in memory. */
  readonly volumeBytes: ReadonlyMap<string, number>;
}

/** From here on a pod is part of the cluster's own working. */
const CRITICAL_PRIORITY = 2_000_000_000;
const STATIC_ANNOTATION = 'kubernetes.io/config.source';

/** The first to go first. Critical and static pods are not among them. */
export function rankPods(usages: readonly PodUsage[], scarce: Scarce): PodUsage[] {
  return usages.filter(({ pod }) => !isCritical(pod)).sort(compare(scarce));
}

export function isCritical({ metadata, spec }: WantedPod): boolean {
  const source = metadata.annotations?.[STATIC_ANNOTATION];
  return (spec.priority ?? 0) >= CRITICAL_PRIORITY || (source !== undefined && source !== 'api');
}

function compare(scarce: Scarce): (a: PodUsage, b: PodUsage) => number {
  const over = (of: PodUsage) => used(of, scarce) - requested(of, scarce);
  const exceeds = (of: PodUsage) => (scarce === 'memory' || scarce === 'ephemeral-storage' ? Number(over(of) > 0) : 0);
  const priority = ({ pod }: PodUsage) => pod.spec.priority ?? 0;
  return (a, b) => exceeds(b) - exceeds(a) || priority(a) - priority(b) || over(b) - over(a);
}

function used(usage: PodUsage, scarce: Scarce): number {
  switch (scarce) {
    case 'memory':
      return usage.memoryBytes;
    case 'ephemeral-storage':
      return usage.diskBytes;
    case 'inodes':
      return usage.inodes;
    case 'pids':
      return usage.processes;
  }
}

function requested({ pod }: PodUsage, scarce: Scarce): number {
  return podRequests(pod.spec).get(scarce) ?? 0;
}

export function evictionMessage(usage: PodUsage, { scarce, available, threshold }: Shortage): string {
  const amount = (value: number) =>
    scarce === 'pids' || scarce === 'inodes' ? String(Math.floor(value)) : size(value);
  const head = `The node was low on resource: ${scarce}. Threshold quantity: ${amount(threshold)}, available: ${amount(available)}. `;
  if (scarce !== 'memory' && scarce !== 'ephemeral-storage') return head;
  const details = usage.containers.flatMap(({ name, memoryBytes, diskBytes }) => {
    const using = scarce === 'memory' ? memoryBytes : diskBytes;
    const request = usage.pod.spec.containers.find((one) => one.name === name)?.resources?.requests?.[scarce];
    if (using <= bytes(request)) return [];
    return [
      `Container ${name} was using ${size(using)}, request is ${request ?? 0}, has larger consumption of ${scarce}. `,
    ];
  });
  return head + details.join('');
}

/** What is wrong with what the pod has written; undefined: nothing. */
export function diskLimitProblem({ pod, containers, volumeBytes, diskBytes }: PodUsage): string | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    if (emptyDir?.sizeLimit === undefined || bytes(emptyDir.sizeLimit) === 0) continue;
    if ((volumeBytes.get(name) ?? 0) > bytes(emptyDir.sizeLimit)) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `;
    }
  }
  let total = 0;
  let isLimited = pod.spec.containers.length > 0;
  for (const { name, resources } of pod.spec.containers) {
    const limit = resources?.limits?.['ephemeral-storage'];
    if (limit === undefined) {
      isLimited = false;
      continue;
    }
    total += bytes(limit);
    const using = containers.find((one) => one.name === name)?.diskBytes ?? 0;
    if (using > bytes(limit)) return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  if (!isLimited || diskBytes <= total) return undefined;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${size(total)}. `;
}

/** Whether what the pod writes has to be looked at at all. */
export function hasDiskLimits({ spec }: WantedPod): boolean {
  return (
    (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
    spec.containers.some(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined)
  );
}

function size(value: number): string {
  return `${Math.floor(value / 1024)}Ki`;
}
