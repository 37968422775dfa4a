/**
 * What the agent needs of a container runtime. Implementations: containerd over CRI (`cri/`), hollow nodes (`hollow/`), and a fake in tests.
 *
 * Every call is idempotent where the name allows it (stop and remove of something that is gone succeed), fails with {@link RuntimeError},
 * and may be retried. Times are milliseconds since 1970. Nothing here knows of Kubernetes objects beyond names and labels.
 */

export type RuntimeErrorCode = 'unavailable' | 'not-found' | 'timeout' | 'image-pull' | 'failed';

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Labels that tie sandboxes and containers to their pod; kubelet's names, so that other tools understand them. */
export const runtimeLabels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}

export interface NamespaceOptions {
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly sharePid: boolean;
}

export interface SandboxSpec {
  readonly pod: PodRef;
  /** 0 for a pod's first sandbox, growing. */
  readonly attempt: number;
  readonly hostname: string;
  readonly logDirectory: string;
  /** Unset: the host's own resolv.conf. */
  readonly dns?: DnsConfig;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupParent: string;
  readonly namespaces: NamespaceOptions;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly privileged: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'host-to-container' | 'bidirectional';
}

export interface ContainerResources {
  readonly cpuShares: number;
  /** Microseconds per `cpuPeriodUs`; 0 = no limit. */
  readonly cpuQuotaUs: number;
  readonly cpuPeriodUs: number;
  /** 0 = no limit. */
  readonly memoryLimitBytes: number;
  readonly oomScoreAdj: number;
}

export type SeccompProfile =
  | { readonly type: 'RuntimeDefault' | 'Unconfined' }
  /** `path`: of the profile on this machine. */
  | { readonly type: 'Localhost'; readonly path: string };

export interface ContainerSecurity {
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  readonly seccomp: SeccompProfile;
  /** The whole of /proc is shown and can be written. */
  readonly unmaskedProc: boolean;
}

export interface ContainerSpec {
  readonly name: string;
  /** 0 for the first, then one more per restart. */
  readonly attempt: number;
  /** What {@link Runtime.imageStatus} said. */
  readonly imageId: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The container whose process namespace is shared. */
  readonly targetId?: string;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
}

export interface Sandbox {
  readonly id: string;
  readonly pod: PodRef;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** What a listing tells of a container. */
export interface ContainerSummary {
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: ContainerState;
}

export interface RuntimeContainer extends ContainerSummary {
  readonly createdAtMs: number;
  /** 0 when it never started. */
  readonly startedAtMs: number;
  /** 0 while it has not ended. */
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** The runtime's word: `Completed`, `Error`, `OOMKilled`, ... */
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  /** For the pod's status: a digest reference where there is one. */
  readonly imageId: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
}

export interface RuntimeImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** The runtime needs it itself. */
  readonly pinned: boolean;
}

export interface Listing {
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly ContainerSummary[];
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface RuntimeStatus {
  readonly ready: boolean;
  readonly networkReady: boolean;
  readonly message: string;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
}

/** Something happened to this container or sandbox; ids as the runtime gives them. Level-based: look, do not trust the event. */
export interface RuntimeEvent {
  readonly id: string;
  readonly kind: 'started' | 'exited' | 'oom' | 'deleted' | 'resync';
}

export interface Runtime {
  readonly kind: 'containerd' | 'hollow' | 'fake';
  version(): Promise<{ name: string; version: string }>;
  status(): Promise<RuntimeStatus>;
  /** All of one pod, or everything that belongs to any pod. */
  list(podUid?: string): Promise<Listing>;
  /** @throws RuntimeError `not-found`. */
  containerStatus(id: string): Promise<RuntimeContainer>;
  /** Addresses of a sandbox, the primary one first; empty with the host's network. @throws RuntimeError `not-found`. */
  sandboxIps(id: string): Promise<string[]>;
  /** Creates and starts; returns the id. */
  runSandbox(spec: SandboxSpec): Promise<string>;
  /** Kills what runs in it and gives its address back. */
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  createContainer(sandboxId: string, spec: ContainerSpec, sandbox: SandboxSpec): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Of a running container: CPU and memory, from now on. */
  updateResources(id: string, resources: ContainerResources): Promise<void>;
  /** Asks it to end, kills it `graceMs` later (0 = at once), and resolves once it is dead. */
  stopContainer(id: string, graceMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** A non-zero exit code is a result, not an error. @throws RuntimeError `timeout` after `timeoutMs`. */
  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** The image's id when it is on this machine. `user` is set when the image names a numeric user. */
  imageStatus(image: string): Promise<{ id: string; user?: number; username?: string } | undefined>;
  /** All images on this machine. */
  listImages(): Promise<RuntimeImage[]>;
  /** Containers that use it go on. */
  removeImage(id: string): Promise<void>;
  /** Where images and writable layers lie. */
  imageFileSystem(): Promise<{ path: string; usedBytes: number }>;
  /** What containers have written into their own file systems, by id. */
  writableLayers(): Promise<Map<string, { bytes: number; inodes: number }>>;
  /** Ends what a killed runtime has forgotten; to be called now and then. Absent where that cannot be. */
  endForgotten?(): Promise<void>;
  /** After its file was renamed, the container's output goes on into a new one. */
  reopenLog(id: string): Promise<void>;
  /** @throws RuntimeError `image-pull`. */
  pullImage(image: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<void>;
  /**
   * Reports what happens until `signal` aborts. Survives the runtime's restarts: it reconnects, and reports `resync` (id empty) after any
   * gap in which events may have been missed.
   */
  watch(onEvent: (event: RuntimeEvent) => void, signal: AbortSignal): void;
  close(): void;
}
