/** Between the runtime interface's types and CRI's messages. Pure. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ContainerConfigSchema,
  type ContainerStatus,
  ContainerState as CriState,
  MountPropagation,
  NamespaceMode,
  type PodSandbox,
  type PodSandboxConfigSchema,
  PodSandboxState,
  Protocol,
  SecurityProfile_ProfileType,
} from '../../../gen/runtime/v1/api_pb.ts';
import {
  type ContainerResources,
  type ContainerSecurity,
  type ContainerSpec,
  type ContainerState,
  type NamespaceOptions,
  type RuntimeContainer,
  runtimeLabels,
  type Sandbox,
  type SandboxSpec,
  type SeccompProfile,
} from '../runtime.ts';

const NANOSECONDS_PER_MS = 1_000_000n;

const STATE: Record<CriState, ContainerState> = {
  [CriState.CONTAINER_CREATED]: 'created',
  [CriState.CONTAINER_RUNNING]: 'running',
  [CriState.CONTAINER_EXITED]: 'exited',
  [CriState.CONTAINER_UNKNOWN]: 'unknown',
};

const PROPAGATION = {
  private: MountPropagation.PROPAGATION_PRIVATE,
  'host-to-container': MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
} as const;

export function toMs(nanoseconds: bigint): number {
  return nanoseconds <= 0n ? 0 : Number(nanoseconds / NANOSECONDS_PER_MS);
}

export function containerState(state: CriState): ContainerState {
  return STATE[state] ?? 'unknown';
}

export function toSandbox(item: PodSandbox): Sandbox {
  return {
    id: item.id,
    pod: {
      namespace: item.metadata?.namespace ?? '',
      name: item.metadata?.name ?? '',
      uid: item.labels[runtimeLabels.podUid] ?? item.metadata?.uid ?? '',
    },
    attempt: item.metadata?.attempt ?? 0,
    ready: item.state === PodSandboxState.SANDBOX_READY,
    createdAtMs: toMs(item.createdAt),
  };
}

export function toContainer(status: ContainerStatus, sandboxId: string): RuntimeContainer {
  return {
    id: status.id,
    sandboxId,
    podUid: status.labels[runtimeLabels.podUid] ?? '',
    name: status.metadata?.name ?? '',
    attempt: status.metadata?.attempt ?? 0,
    state: containerState(status.state),
    createdAtMs: toMs(status.createdAt),
    startedAtMs: toMs(status.startedAt),
    finishedAtMs: toMs(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? '',
    imageId: status.imageRef,
    annotations: status.annotations,
    logPath: status.logPath,
  };
}

function namespaceOptions(options: NamespaceOptions) {
  return {
    network: options.hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: options.hostPid ? NamespaceMode.NODE : options.sharePid ? NamespaceMode.POD : NamespaceMode.CONTAINER,
    ipc: options.hostIpc ? NamespaceMode.NODE : NamespaceMode.POD,
  };
}

function ids(value: { readonly runAsUser?: number; readonly runAsGroup?: number }) {
  return {
    ...(value.runAsUser !== undefined && { runAsUser: { value: BigInt(value.runAsUser) } }),
    ...(value.runAsGroup !== undefined && { runAsGroup: { value: BigInt(value.runAsGroup) } }),
  };
}

export function sandboxConfig(spec: SandboxSpec): MessageInitShape<typeof PodSandboxConfigSchema> {
  return {
    metadata: { ...spec.pod, attempt: spec.attempt },
    hostname: spec.namespaces.hostNetwork ? '' : spec.hostname,
    logDirectory: spec.logDirectory,
    ...(spec.dns && {
      dnsConfig: { servers: [...spec.dns.servers], searches: [...spec.dns.searches], options: [...spec.dns.options] },
    }),
    portMappings: spec.portMappings.map((mapping) => ({ ...mapping, protocol: Protocol[mapping.protocol] })),
    labels: { ...spec.labels },
    annotations: { ...spec.annotations },
    linux: {
      cgroupParent: spec.cgroupParent,
      sysctls: { ...spec.sysctls },
      securityContext: {
        namespaceOptions: namespaceOptions(spec.namespaces),
        privileged: spec.privileged,
        supplementalGroups: spec.supplementalGroups.map(BigInt),
        seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
        ...ids(spec),
      },
    },
  };
}

export function containerConfig(
  spec: ContainerSpec,
  namespaces: NamespaceOptions,
): MessageInitShape<typeof ContainerConfigSchema> {
  return {
    metadata: { name: spec.name, attempt: spec.attempt },
    image: { image: spec.imageId },
    command: [...spec.command],
    args: [...spec.args],
    workingDir: spec.workingDir,
    envs: spec.env.map(({ name, value }) => ({ key: name, value })),
    mounts: spec.mounts.map((mount) => ({
      containerPath: mount.containerPath,
      hostPath: mount.hostPath,
      readonly: mount.readOnly,
      propagation: PROPAGATION[mount.propagation],
    })),
    labels: { ...spec.labels },
    annotations: { ...spec.annotations },
    logPath: spec.logPath,
    stdin: spec.stdin,
    stdinOnce: spec.stdinOnce,
    tty: spec.tty,
    linux: {
      resources: {
        ...linuxResources(spec.resources),
        cpuQuota: BigInt(spec.resources.cpuQuotaUs),
        memoryLimitInBytes: BigInt(spec.resources.memoryLimitBytes),
        oomScoreAdj: BigInt(spec.resources.oomScoreAdj),
      },
      securityContext: securityContext(spec.security, namespaces, spec.targetId),
    },
  };
}

/** For a running container: there 0 means "as before", and -1 lifts a limit. */
export function linuxResources(resources: ContainerResources) {
  return {
    cpuPeriod: BigInt(resources.cpuPeriodUs),
    cpuQuota: BigInt(resources.cpuQuotaUs || -1),
    cpuShares: BigInt(resources.cpuShares),
    memoryLimitInBytes: BigInt(resources.memoryLimitBytes || -1),
  };
}

function securityContext(security: ContainerSecurity, namespaces: NamespaceOptions, targetId: string | undefined) {
  return {
    capabilities: {
      addCapabilities: [...security.addCapabilities],
      dropCapabilities: [...security.dropCapabilities],
    },
    privileged: security.privileged,
    namespaceOptions: {
      ...namespaceOptions(namespaces),
      ...(targetId !== undefined && { pid: NamespaceMode.TARGET, targetId }),
    },
    readonlyRootfs: security.readOnlyRootFilesystem,
    noNewPrivs: security.noNewPrivileges,
    supplementalGroups: security.supplementalGroups.map(BigInt),
    maskedPaths: security.privileged || security.unmaskedProc ? [] : MASKED_PATHS,
    readonlyPaths: security.privileged || security.unmaskedProc ? [] : READ_ONLY_PATHS,
    seccomp: seccompProfile(security.privileged ? { type: 'Unconfined' } : security.seccomp),
    ...ids(security),
  };
}

function seccompProfile(profile: SeccompProfile) {
  if (profile.type !== 'Localhost') return { profileType: SecurityProfile_ProfileType[profile.type] };
  return { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: profile.path };
}

/** Kubernetes' defaults for `procMount: Default`. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
