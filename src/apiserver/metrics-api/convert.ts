/** From what an agent says of itself (`/stats/summary`) to NodeMetrics and PodMetrics. Pure. */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import type { ObjectMeta } from '../../api/generated/types/meta-v1.ts';
import { metricsGroup, metricsVersion } from './resources.ts';

const apiVersion = `${metricsGroup}/${metricsVersion}`;
/** How far apart an agent's samples are. */
const window = '15s';

/** The part of an agent's answer that is read here. */
export interface AgentSummary {
  readonly node: Usage;
  readonly pods?: readonly AgentPod[];
}

export interface AgentPod {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly containers?: readonly (Usage & { readonly name: string })[];
}

interface Usage {
  readonly cpu?: { readonly time: string; readonly usageNanoCores?: number };
  readonly memory?: { readonly time: string; readonly workingSetBytes?: number };
}

/** Undefined while the agent has no rate of it yet. */
export function nodeMetrics(node: Node, usage: Usage): object | undefined {
  const amounts = usageOf(usage);
  if (!amounts) return undefined;
  const metadata = metadataOf(node.metadata, usage.cpu!.time);
  return { kind: 'NodeMetrics', apiVersion, metadata, timestamp: usage.cpu!.time, window, usage: amounts };
}

/** Undefined unless all of its containers that run have been measured. */
export function podMetrics(pod: Pod, usage: AgentPod): object | undefined {
  const { containers = [] } = usage;
  const measured = containers.map(({ name, ...of }) => ({ name, usage: usageOf(of) }));
  const time = containers[0]?.cpu?.time;
  if (time === undefined || measured.some((one) => one.usage === undefined)) return undefined;
  const metadata = metadataOf(pod.metadata, time);
  return { kind: 'PodMetrics', apiVersion, metadata, timestamp: time, window, containers: measured };
}

function usageOf({ cpu, memory }: Usage): { cpu: string; memory: string } | undefined {
  if (cpu?.usageNanoCores === undefined || memory?.workingSetBytes === undefined) return undefined;
  return { cpu: `${cpu.usageNanoCores}n`, memory: `${Math.floor(memory.workingSetBytes / 1024)}Ki` };
}

function metadataOf({ name, namespace, labels }: ObjectMeta = {}, creationTimestamp: string): ObjectMeta {
  return { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }), creationTimestamp };
}
