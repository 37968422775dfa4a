/** The pod's quality-of-service class and what follows from it. Pure. */

import type { Container } from '../../api/generated/types/core-v1.ts';
import { type QosClass, qosClass } from '../../api/kinds/pod/qos.ts';
import { milliValue, parseQuantity, unitValue } from '../../api/meta/quantity.ts';
import type { ContainerResources } from '../runtime/runtime.ts';
import type { WantedPod } from './types.ts';

export const CPU_PERIOD_US = 100_000;
const MIN_CPU_QUOTA_US = 1_000;
const MIN_CPU_SHARES = 2;
const MAX_CPU_SHARES = 262_144;

export function milliCpu(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : milliValue(parseQuantity(String(quantity)));
}

export function bytes(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : unitValue(parseQuantity(String(quantity)));
}

export function cpuShares(milli: number): number {
  return Math.min(MAX_CPU_SHARES, Math.max(MIN_CPU_SHARES, Math.floor((milli * 1024) / 1000)));
}

/** 0 for none. */
export function cpuQuotaUs(milli: number): number {
  return milli === 0 ? 0 : Math.max(MIN_CPU_QUOTA_US, Math.floor((milli * CPU_PERIOD_US) / 1000));
}

/** cgroup values of a container, by the rules of kubelet. */
export function containerResources(pod: WantedPod, container: Container, nodeMemoryBytes: number): ContainerResources {
  const { requests = {}, limits: own = {} } = container.resources ?? {};
  const limits = { ...pod.spec.resources?.limits, ...own };
  const cpuLimit = milliCpu(limits.cpu);
  const cpuRequest = requests.cpu === undefined ? cpuLimit : milliCpu(requests.cpu);
  const memoryLimit = bytes(limits.memory);
  const memoryRequest = requests.memory === undefined ? memoryLimit : bytes(requests.memory);
  return {
    cpuShares: cpuShares(cpuRequest),
    cpuQuotaUs: cpuQuotaUs(cpuLimit),
    cpuPeriodUs: CPU_PERIOD_US,
    memoryLimitBytes: memoryLimit,
    oomScoreAdj: oomScoreAdjust(qosClass(pod), memoryRequest, nodeMemoryBytes),
  };
}

function oomScoreAdjust(qos: QosClass, memoryRequestBytes: number, nodeMemoryBytes: number): number {
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequestBytes) / nodeMemoryBytes);
  return Math.min(999, Math.max(3, score));
}
