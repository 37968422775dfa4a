/** The Node object that the agent reports: identity, capacity, conditions. Pure. */
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../../api/generated/types/core-v1.ts';
import { type Resources, toResources } from '../../api/meta/pod-resources.ts';
import type { FieldContext } from '../pod/fields.ts';
import { rfc3339 } from '../pod/status.ts';
import { MAX_PODS, type Machine } from './machine.ts';

export interface NodeIdentity {
  readonly name: string;
  readonly address: string;
  readonly moreAddresses?: readonly string[] | undefined;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** As `containerd://1.6.20`. */
  readonly runtimeVersion: string;
}

export interface NodeHealth {
  /** Undefined when all is well. */
  readonly notReady: { readonly reason: string; readonly message: string } | undefined;
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
  readonly images?: readonly ContainerImage[];
}

export function allocatable(machine: Machine): FieldContext['allocatable'] {
  return {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    ephemeralStorage: `${Math.floor(machine.diskBytes / 1024)}Ki`,
  };
}

/** As numbers: what pods are counted against. */
export function allocatableAmounts(machine: Machine): Resources {
  const { cpu, memory, ephemeralStorage } = allocatable(machine);
  return toResources({ cpu, memory, 'ephemeral-storage': ephemeralStorage, pods: MAX_PODS });
}

export function nodeStatus(
  identity: NodeIdentity,
  health: NodeHealth,
  previous: NodeStatus | undefined,
  nowMs: number,
): NodeStatus {
  const { cpu, memory, ephemeralStorage } = allocatable(identity.machine);
  const resources = { cpu, memory, 'ephemeral-storage': ephemeralStorage, pods: String(MAX_PODS) };
  return {
    addresses: [
      ...[identity.address, ...(identity.moreAddresses ?? [])].map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: identity.name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: conditions(health).map((condition) => {
      const before = previous?.conditions?.find(({ type }) => type === condition.type);
      const now = rfc3339(nowMs);
      const since = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
      return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since };
    }),
    ...(health.images && health.images.length > 0 && { images: [...health.images] }),
    daemonEndpoints: { kubeletEndpoint: { Port: identity.port } },
    nodeInfo: { ...identity.machine.info, containerRuntimeVersion: identity.runtimeVersion },
  };
}

function conditions(health: NodeHealth): NodeCondition[] {
  const pressure = (type: string, bad: boolean, badReason: string, reason: string, what: string): NodeCondition => ({
    type,
    status: bad ? 'True' : 'False',
    reason: bad ? badReason : reason,
    message: bad ? `kubelet has ${what} pressure` : `kubelet has ${what} available`,
  });
  return [
    pressure(
      'MemoryPressure',
      health.memoryPressure,
      'KubeletHasInsufficientMemory',
      'KubeletHasSufficientMemory',
      'sufficient memory',
    ),
    pressure(
      'DiskPressure',
      health.diskPressure,
      'KubeletHasDiskPressure',
      'KubeletHasNoDiskPressure',
      'no disk pressure,',
    ),
    pressure(
      'PIDPressure',
      health.pidPressure,
      'KubeletHasInsufficientPID',
      'KubeletHasSufficientPID',
      'sufficient PID',
    ),
    health.notReady
      ? { type: 'Ready', status: 'False', ...health.notReady }
      : { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
  ];
}

export function nodeObject(identity: NodeIdentity, status: NodeStatus): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: identity.name,
      labels: {
        'kubernetes.io/hostname': identity.name,
        'kubernetes.io/os': identity.machine.info.operatingSystem,
        'kubernetes.io/arch': identity.machine.info.architecture,
        'beta.kubernetes.io/os': identity.machine.info.operatingSystem,
        'beta.kubernetes.io/arch': identity.machine.info.architecture,
        ...identity.labels,
      },
    },
    spec: {},
    status,
  };
}

/** Equal but for the times of the heartbeats: nothing that must be written. */
export function sameNodeStatus(a: NodeStatus, b: NodeStatus): boolean {
  const plain = (status: NodeStatus) =>
    JSON.stringify({ ...status, conditions: status.conditions?.map((c) => ({ ...c, lastHeartbeatTime: undefined })) });
  return plain(a) === plain(b);
}
