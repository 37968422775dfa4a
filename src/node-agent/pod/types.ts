/** What a pod's worker knows: the pod that is wanted, what the runtime has of it, and what is remembered in between. */
import type { Container, Pod, ResourceRequirements } from '../../api/generated/types/core-v1.ts';
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts';

/** A pod as it comes from a master: never without these. */
export interface WantedPod extends Pod {
  readonly metadata: NonNullable<Pod['metadata']> & {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
  };
  readonly spec: NonNullable<Pod['spec']>;
}

export type ImageState =
  | { readonly state: 'present'; readonly id: string; readonly user?: number; readonly username?: string }
  | { readonly state: 'pulling' }
  | {
      readonly state: 'failed';
      readonly reason: string;
      readonly message: string;
      readonly failures: number;
      readonly retryAtMs: number;
    };

/** Something that failed and is tried again at `retryAtMs`. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** What the probes say of one running container. */
export interface ProbeVerdict {
  /** No startup probe, or it has succeeded. */
  readonly started: boolean;
  /** No readiness probe, or it holds. */
  readonly ready: boolean;
  /** Set when liveness or startup failed too often: the container must be restarted. */
  readonly unhealthy?: string;
  /** How long the probe that failed gives the container to end; absent: as long as the pod does. */
  readonly graceS?: number;
}

/** Why the pod has to stop. */
export type Ending =
  /** Deleted through the API, or not wanted on this node any more: stop and leave nothing behind. */
  | { readonly kind: 'gone'; readonly deadlineMs: number }
  /** It is over as a whole (deadline exceeded, or over before the agent started): stop, keep the remains until it is deleted. */
  | {
      readonly kind: 'over';
      readonly phase: string;
      readonly reason: string;
      readonly message: string;
      readonly deadlineMs: number;
      /** The node gave it up: that is no fault of its own. */
      readonly disrupted?: boolean;
    };

/** Of a pod that asks for other amounts than it has. */
export interface ResizeState {
  /** Why the node does not grant them. */
  readonly pending?: { readonly reason: 'Infeasible' | 'Deferred'; readonly message: string } | undefined;
  /** They are granted, and handing them out failed. */
  readonly failure?: Failure | undefined;
}

export interface ObservedPod {
  /** Newest first. */
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly RuntimeContainer[];
  /** Of the newest sandbox. */
  readonly ips: readonly string[];
  readonly volumes: { readonly state: 'unknown' | 'ready' } | ({ readonly state: 'failed' } & Failure);
  readonly sandboxFailure: Failure | undefined;
  /** By container name. */
  readonly images: ReadonlyMap<string, ImageState>;
  /** By container name: creating or starting failed. */
  readonly startFailures: ReadonlyMap<string, Failure>;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdict>;
  /** By container id: being stopped, killed at the deadline. */
  readonly stopping: ReadonlyMap<string, { readonly deadlineMs: number }>;
  /** By container id: its postStart hook still runs. */
  readonly starting: ReadonlySet<string>;
  /** By container id: what CPU and memory it really has; of others it is taken to be what they were given. */
  readonly resources: ReadonlyMap<string, ResourceRequirements>;
  readonly resize: ResizeState;
  /** By container id: what it left in its termination message. */
  readonly terminationMessages: ReadonlyMap<string, string>;
}

export const annotationKeys = {
  restartCount: 'io.kubernetes.container.restartCount',
  hash: 'io.kubernetes.container.hash',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  /** How many restarts in a row without a long run: what the next back-off is computed from. */
  backOffStreak: 'dev.trimast.container.backOffStreak',
  kind: 'dev.trimast.container.kind',
} as const;

/** An init container that keeps running beside the regular ones. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** What a pod can be asked to run: an ephemeral container is one without probes, ports and restarts. */
export type AnyContainer = Container & { readonly targetContainerName?: string | undefined };

/** Every container of a pod's spec, ephemeral ones included. */
export function allContainers({ spec }: WantedPod): AnyContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...ephemeralContainers(spec)];
}

export function ephemeralContainers(spec: WantedPod['spec']): AnyContainer[] {
  return (spec.ephemeralContainers ?? []) as AnyContainer[];
}

/** The newest container of a name; the one with the highest attempt. */
export function newestOf(
  containers: readonly RuntimeContainer[],
  name: string,
  sandboxId?: string,
): RuntimeContainer | undefined {
  let newest: RuntimeContainer | undefined;
  for (const container of containers) {
    if (container.name !== name || (sandboxId !== undefined && container.sandboxId !== sandboxId)) continue;
    if (!newest || container.attempt > newest.attempt) newest = container;
  }
  return newest;
}

export function isRunning(container: RuntimeContainer | undefined): boolean {
  return container?.state === 'running';
}

/** Over for good, whatever the reason. */
export function hasEnded(container: RuntimeContainer): boolean {
  return container.state === 'exited';
}
