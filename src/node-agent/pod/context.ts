/** What all pod workers of a node share. */
import type { PodStatus } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PodCgroups } from '../cgroups/cgroups.ts';
import type { ProbeManager } from '../probes/probe-manager.ts';
import type { DnsConfig, Runtime } from '../runtime/runtime.ts';
import type { PodStorage } from '../volumes/pod-storage.ts';
import type { PodTokens } from '../volumes/pod-tokens.ts';
import type { NodeCapacity, Rejection } from './admission.ts';
import type { ResizeVerdict } from './allocation.ts';
import type { PodObjects } from './env.ts';
import type { ImagePuller } from './pull-image.ts';
import type { WantedPod } from './types.ts';

export interface NodeFacts {
  readonly name: string;
  readonly hostIp: string;
  readonly memoryBytes: number;
  readonly allocatable: { readonly cpu: string; readonly memory: string; readonly ephemeralStorage: string };
  readonly capacity: NodeCapacity;
  /** Seccomp profiles of this machine that pods may name. */
  readonly seccompDir: string;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly hostDns: DnsConfig;
}

export interface WorkerContext {
  readonly runtime: Runtime;
  readonly storage: PodStorage;
  readonly probes: ProbeManager;
  readonly puller: ImagePuller;
  readonly clock: Clock;
  readonly node: NodeFacts;
  readonly logger: Logger;
  /** The ConfigMaps and Secrets of a namespace, as they are now. */
  objects(namespace: string): PodObjects;
  /** Resolves once a pod with these addresses is protected by the cluster's network policies. Absent: there are none here. */
  protect?(pod: WantedPod, ips: readonly string[]): Promise<void>;
  /** Absent on hollow nodes. */
  readonly tokens?: PodTokens | undefined;
  /** Of this pod among those that the node has admitted: whether it may start, and whether it may have other amounts. */
  admit(pod: WantedPod): Rejection | undefined;
  judgeResize(pod: WantedPod): ResizeVerdict;
  /** Absent where there are no processes to hold to anything. */
  readonly cgroups?: PodCgroups | undefined;
  recordEvent(pod: WantedPod, type: 'Normal' | 'Warning', reason: string, message: string): void;
  publish(pod: WantedPod, status: PodStatus): void;
  /** Nothing of the pod is left on this node. */
  gone(pod: WantedPod): void;
}
