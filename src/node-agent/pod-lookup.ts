/**
 * What the streaming server (logs, exec, attach, port-forward) asks the agent about its pods. Answers come from the agent's memory and
 * are a snapshot: a container may end between the answer and its use.
 */

export type LookupState = 'waiting' | 'running' | 'terminated';

export interface ContainerTarget {
  readonly podUid: string;
  readonly container: string;
  readonly kind: 'init' | 'regular' | 'ephemeral';
  readonly state: LookupState;
  /** Why it is waiting (`ContainerCreating`, `CrashLoopBackOff`, ...); only with state `waiting`. */
  readonly waitingReason?: string;
  /** The container's id in the runtime, without `containerd://`; of the newest attempt. Unset while none was created. */
  readonly containerId?: string;
  /** Absolute path of the log of the newest attempt, in the CRI format. Unset while none was created. */
  readonly logPath?: string;
  /** The log of the attempt before, when it is still kept (`logs --previous`). */
  readonly previousLogPath?: string;
  /** From the pod's spec. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
}

export interface PodTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hostNetwork: boolean;
  /** The sandbox's id, which is also the id of its task in containerd's `k8s.io` namespace. Unset while there is none. */
  readonly sandboxId?: string;
  readonly podIp?: string;
  /** In the order of the spec: regular containers, then init and ephemeral ones. */
  readonly containers: readonly ContainerTarget[];
  /** What `kubectl logs` and `exec` use without `-c`: the annotation kubectl.kubernetes.io/default-container, or the first one. */
  readonly defaultContainer: string;
}

export interface PodLookup {
  /** True for a hollow node, whose pods have no processes: streaming answers with a clear error. */
  readonly hollow: boolean;
  findPod(namespace: string, name: string): PodTarget | undefined;
  /** Without `container`, the pod's default one. */
  findContainer(namespace: string, pod: string, container?: string): ContainerTarget | undefined;
  /** `onChange` runs whenever something about this pod's containers changed (for `logs -f`); returns how to stop. */
  subscribe(podUid: string, onChange: () => void): () => void;
}
