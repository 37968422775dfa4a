/**
 * Where pods stand in the cgroup tree, and with which limits, as kubelet has it. Pure.
 *
 *   PARENT/kubepods                      all pods
 *   PARENT/kubepods/podUID               Guaranteed
 *   PARENT/kubepods/burstable/podUID     shares of the class: the sum of its pods' requests
 *   PARENT/kubepods/besteffort/podUID    what is left over
 *
 * Containers stand below their pod, named by their ids; the runtime makes those.
 */
import { qosClass } from '../../api/kinds/pod/qos.ts';
import { podLimits, podRequests } from '../../api/meta/pod-resources.ts';
import { cpuQuotaUs, cpuShares } from '../pod/qos.ts';
import type { WantedPod } from '../pod/types.ts';

/** What one cgroup is held to. */
export interface CgroupLimits {
  readonly cpuShares: number;
  /** Microseconds per 100 ms; 0 = no limit. */
  readonly cpuQuotaUs: number;
  /** 0 = no limit. */
  readonly memoryBytes: number;
  /** 0 = no limit. */
  readonly pids: number;
}

const FOLDER = 'kubepods';
const POD_PREFIX = 'pod';

export function podsCgroup(parent: string): string {
  return `${parent}/${FOLDER}`;
}

export function classCgroup(parent: string, name: 'Burstable' | 'BestEffort'): string {
  return `${podsCgroup(parent)}/${name.toLowerCase()}`;
}

export function podCgroup(parent: string, pod: WantedPod): string {
  const name = qosClass(pod);
  const above = name === 'Guaranteed' ? podsCgroup(parent) : classCgroup(parent, name);
  return `${above}/${POD_PREFIX}${pod.metadata.uid}`;
}

/** The pod's uid of a folder in the tree; undefined for another folder. */
export function podOfCgroup(folderName: string): string | undefined {
  return folderName.startsWith(POD_PREFIX) ? folderName.slice(POD_PREFIX.length) : undefined;
}

/** CPU and memory are limited for the pod only where every container is: the others may use what the node has. */
export function podLimitsOf(pod: WantedPod, maxPids: number): CgroupLimits {
  const requests = podRequests(pod.spec);
  const limits = podLimits(pod.spec);
  const { initContainers = [], containers, resources } = pod.spec;
  const isLimited = (name: string) =>
    resources?.limits?.[name] !== undefined ||
    [...initContainers, ...containers].every((container) => container.resources?.limits?.[name] !== undefined);
  const isBestEffort = qosClass(pod) === 'BestEffort';
  return {
    cpuShares: cpuShares(isBestEffort ? 0 : (requests.get('cpu') ?? 0)),
    cpuQuotaUs: isLimited('cpu') ? cpuQuotaUs(limits.get('cpu') ?? 0) : 0,
    memoryBytes: isLimited('memory') ? (limits.get('memory') ?? 0) : 0,
    pids: maxPids,
  };
}

/** Enough for both: while containers are resized one after the other. */
export function largerLimits(a: CgroupLimits, b: CgroupLimits): CgroupLimits {
  const larger = (one: number, other: number) => (one === 0 || other === 0 ? 0 : Math.max(one, other));
  return {
    cpuShares: Math.max(a.cpuShares, b.cpuShares),
    cpuQuotaUs: larger(a.cpuQuotaUs, b.cpuQuotaUs),
    memoryBytes: larger(a.memoryBytes, b.memoryBytes),
    pids: larger(a.pids, b.pids),
  };
}

/** cgroup v2 weighs from 1 to 10000 what v1 weighs from 2 to 262144. */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262142);
}
