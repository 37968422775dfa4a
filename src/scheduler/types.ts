/** What the scheduler keeps of pods and nodes (compact, parsed once), and what a plugin is: a pure function over them. */
import type { Affinity, Taint, Toleration, TopologySpreadConstraint } from '../api/generated/types/core-v1.ts';
import type { Resources } from '../api/meta/pod-resources.ts';

export interface PodInfo {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty while not bound. */
  readonly nodeName: string;
  readonly priority: number;
  readonly requests: Resources;
  readonly scoredUse: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: Affinity | undefined;
  readonly tolerations: readonly Toleration[];
  readonly topologySpread: readonly TopologySpreadConstraint[];
  /** Uid of the controlling owner; pods of one owner are spread over nodes. */
  readonly ownerUid: string | undefined;
  readonly schedulingGated: boolean;
}

export interface HostPort {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

export interface NodeInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  readonly allocatable: Resources;
  /** Sum over `pods`. */
  readonly requested: Resources;
  /** The same for scoring: a pod that asks for no cpu or memory counts with an assumed amount. */
  readonly scoredUse: { readonly cpu: number; readonly memory: number };
  readonly pods: ReadonlyMap<string, PodInfo>;
  /** Those of `pods` that keep others away: few, and asked about for every pod. */
  readonly antiAffinePods: ReadonlyMap<string, PodInfo>;
}

export interface FilterPlugin {
  readonly name: string;
  /** Why the pod cannot run there, or undefined when it can. The words are Kubernetes' own, since people search for them. */
  filter(pod: PodInfo, node: NodeInfo): string | undefined;
}

export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  /** 0 (worst) to 100 (best) for each of `nodes`, in their order. */
  score(pod: PodInfo, nodes: readonly NodeInfo[]): number[];
}

export const maxScore = 100;
