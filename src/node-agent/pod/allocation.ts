/**
 * What the node has given to each container of a pod. That is what the pod asked for when it came, and changes when a resize is granted: until
 * then the pod goes on with what it has. It is kept in the pod's own status, so that a restarted agent knows it. Pure.
 */

import type { Container, ContainerStatus, ResourceRequirements } from '../../api/generated/types/core-v1.ts';
import { qosClass } from '../../api/kinds/pod/qos.ts';
import { podRequests } from '../../api/meta/pod-resources.ts';
import { checkFit, type NodeCapacity } from './admission.ts';
import { bytes, milliCpu } from './qos.ts';
import type { WantedPod } from './types.ts';

/** By container name. */
export type Allocation = ReadonlyMap<string, ResourceRequirements>;

export type ResizeVerdict =
  | { readonly verdict: 'fits' }
  | { readonly verdict: 'Infeasible' | 'Deferred'; readonly message: string };

const RESIZABLE = ['cpu', 'memory'] as const;

/** As the pod asks now. */
export function wantedAllocation(pod: WantedPod): Map<string, ResourceRequirements> {
  return new Map(resizableContainers(pod).map(({ name, resources = {} }) => [name, resources]));
}

/** As last reported, of containers that have run; what the pod asks for, of the others. */
export function reportedAllocation(pod: WantedPod): Map<string, ResourceRequirements> {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const statuses = new Map([...initContainerStatuses, ...containerStatuses].map((status) => [status.name, status]));
  return new Map(
    resizableContainers(pod).map(({ name, resources = {} }) => [name, reported(resources, statuses.get(name))]),
  );
}

function reported(wanted: ResourceRequirements, status: ContainerStatus | undefined): ResourceRequirements {
  if (!status?.containerID || !status.resources) return wanted;
  return {
    ...wanted,
    ...merged('requests', wanted.requests, status.allocatedResources ?? status.resources.requests),
    ...merged('limits', wanted.limits, status.resources.limits),
  };
}

type Amounts = Record<string, string | number>;

function merged(list: 'requests' | 'limits', wanted: Amounts | undefined, given: Amounts | undefined) {
  const rest = Object.entries(wanted ?? {}).filter(([name]) => !isResizable(name));
  const own = Object.entries(given ?? {}).filter(([name]) => isResizable(name));
  const all = Object.fromEntries([...rest, ...own]);
  return Object.keys(all).length > 0 ? { [list]: all } : { [list]: undefined };
}

function isResizable(name: string): boolean {
  return (RESIZABLE as readonly string[]).includes(name);
}

/** The pod with what it has been given: what everything on the node goes by. */
export function withAllocation(pod: WantedPod, allocation: Allocation): WantedPod {
  const apply = (container: Container): Container => {
    const resources = allocation.get(container.name);
    return resources === undefined || resources === container.resources ? container : { ...container, resources };
  };
  const { initContainers, containers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(apply),
      ...(initContainers && { initContainers: initContainers.map(apply) }),
    },
  };
}

/** Whether the pod asks for other amounts of CPU or memory than it has. */
export function asksForResize(pod: WantedPod, allocation: Allocation): boolean {
  return resizableContainers(pod).some(
    ({ name, resources = {} }) => !sameResources(resources, allocation.get(name) ?? {}),
  );
}

export function sameResources(a: ResourceRequirements, b: ResourceRequirements): boolean {
  return (['requests', 'limits'] as const).every(
    (list) => milliCpu(a[list]?.cpu) === milliCpu(b[list]?.cpu) && bytes(a[list]?.memory) === bytes(b[list]?.memory),
  );
}

/** `others`: with what they have been given. */
export function judgeResize(pod: WantedPod, others: readonly WantedPod[], node: NodeCapacity): ResizeVerdict {
  const requests = podRequests(pod.spec);
  for (const name of ['memory', 'cpu']) {
    const requested = requests.get(name) ?? 0;
    const capacity = node.allocatable.get(name) ?? 0;
    if (requested <= capacity) continue;
    const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`;
    return { verdict: 'Infeasible', message };
  }
  const rejection = checkFit(pod, others, node);
  return rejection ? { verdict: 'Deferred', message: rejection.message } : { verdict: 'fits' };
}

/** Whether a container that runs with `before` must be started anew to have `after`. */
export function needsRestart(container: Container, before: ResourceRequirements, after: ResourceRequirements): boolean {
  const changed = {
    cpu: (['requests', 'limits'] as const).some((list) => milliCpu(before[list]?.cpu) !== milliCpu(after[list]?.cpu)),
    memory: (['requests', 'limits'] as const).some(
      (list) => bytes(before[list]?.memory) !== bytes(after[list]?.memory),
    ),
  };
  return (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' && changed[resourceName as 'cpu' | 'memory'] === true,
  );
}

/** A pod whose class would change keeps what it has: the API refuses that, an older one may not. */
export function keepsClass(pod: WantedPod, allocation: Allocation): boolean {
  return qosClass(pod) === qosClass(withAllocation(pod, allocation));
}

function resizableContainers({ spec }: WantedPod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
