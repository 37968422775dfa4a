/** Whether a pod that was bound to this node can run here; the last word is the node's, as two masters or a person may have bound too much. Pure. */

import type { ContainerPort } from '../../api/generated/types/core-v1.ts';
import { qosClass } from '../../api/kinds/pod/qos.ts';
import { podRequests, type Resources } from '../../api/meta/pod-resources.ts';
import { isCritical } from '../eviction/rank.ts';
import type { Pressure } from '../eviction/thresholds.ts';
import type { WantedPod } from './types.ts';

export interface Rejection {
  /** As in the pod's status: `OutOfcpu`, `NodePorts`, ... */
  readonly reason: string;
  readonly message: string;
}

export interface NodeCapacity {
  /** cpu in millicores, the rest in base units; `pods` included. What is not named here is none of the node's business. */
  readonly allocatable: Resources;
  /** Sysctls that pods may set beyond the safe ones; `net.x.*` stands for all that begin so. */
  readonly allowedUnsafeSysctls: readonly string[];
  /** What the node is short of. */
  readonly pressure?: Pressure;
}

/** `others`: the pods that the node has admitted and that are not over. */
export function admit(pod: WantedPod, others: readonly WantedPod[], node: NodeCapacity): Rejection | undefined {
  return checkPressure(pod, node) ?? checkSysctls(pod, node) ?? checkFit(pod, others, node) ?? checkPorts(pod, others);
}

/** @internal also for pods that want more. */
export function checkFit(pod: WantedPod, others: readonly WantedPod[], node: NodeCapacity): Rejection | undefined {
  const { allocatable } = node;
  const maxPods = allocatable.get('pods') ?? 0;
  if (others.length + 1 > maxPods) return tooLittle('pods', 1, others.length, maxPods);
  const requests = podRequests(pod.spec);
  const used = new Map<string, number>();
  for (const other of others) {
    for (const [name, amount] of podRequests(other.spec)) used.set(name, (used.get(name) ?? 0) + amount);
  }
  for (const [name, requested] of requests) {
    const capacity = allocatable.get(name);
    // Of what the agent does not provide others (device plugins) keep count.
    if (requested === 0 || capacity === undefined) continue;
    if ((used.get(name) ?? 0) + requested > capacity) return tooLittle(name, requested, used.get(name) ?? 0, capacity);
  }
  return undefined;
}

function tooLittle(name: string, requested: number, used: number, capacity: number): Rejection {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${amounts}` };
}

function checkPorts(pod: WantedPod, others: readonly WantedPod[]): Rejection | undefined {
  const taken = others.flatMap(hostPorts);
  const clash = hostPorts(pod).some((port) => taken.some((other) => portsClash(port, other)));
  if (!clash) return undefined;
  const message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message };
}

function hostPorts({ spec }: WantedPod): ContainerPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...spec.containers].flatMap(({ ports = [] }) => ports.filter(({ hostPort }) => hostPort));
}

function portsClash(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? 'TCP') !== (b.protocol ?? 'TCP')) return false;
  const any = (ip: string | undefined) => !ip || ip === '0.0.0.0' || ip === '::';
  return any(a.hostIP) || any(b.hostIP) || a.hostIP === b.hostIP;
}

/** Without memory there is room for pods that ask for some; without disk or process ids for none but critical ones. */
function checkPressure(pod: WantedPod, { pressure }: NodeCapacity): Rejection | undefined {
  if (!pressure || isCritical(pod)) return undefined;
  const { memoryPressure, diskPressure, pidPressure } = pressure;
  const isMemoryOnly = memoryPressure && !diskPressure && !pidPressure;
  if (isMemoryOnly && (qosClass(pod) !== 'BestEffort' || toleratesMemoryPressure(pod))) return undefined;
  const names = [
    ...(memoryPressure ? ['MemoryPressure'] : []),
    ...(diskPressure ? ['DiskPressure'] : []),
    ...(pidPressure ? ['PIDPressure'] : []),
  ];
  if (names.length === 0) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${names.join(' ')}]. ` };
}

function toleratesMemoryPressure({ spec }: WantedPod): boolean {
  return (spec.tolerations ?? []).some(
    ({ key, effect, operator }) =>
      (key === 'node.kubernetes.io/memory-pressure' || (!key && operator === 'Exists')) &&
      (!effect || effect === 'NoSchedule'),
  );
}

/** Those that change nothing outside of the pod's own namespaces. */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);
const IPC_SYSCTLS = /^(kernel\.(sem$|shm|msg)|fs\.mqueue\.)/;

function checkSysctls({ spec }: WantedPod, { allowedUnsafeSysctls }: NodeCapacity): Rejection | undefined {
  for (const { name: given } of spec.securityContext?.sysctls ?? []) {
    const name = given.replaceAll('/', '.');
    const isAllowed =
      SAFE_SYSCTLS.has(name) ||
      allowedUnsafeSysctls.some((pattern) =>
        pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
      );
    if (!isAllowed) return forbiddenSysctl(`"${name}" not allowlisted`);
    if (spec.hostNetwork && name.startsWith('net.'))
      return forbiddenSysctl(`"${name}" not allowed with host net enabled`);
    if (spec.hostIPC && IPC_SYSCTLS.test(name)) return forbiddenSysctl(`"${name}" not allowed with host ipc enabled`);
  }
  return undefined;
}

function forbiddenSysctl(why: string): Rejection {
  return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
}
