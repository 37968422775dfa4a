/** The decision, as a pure function: which node for this pod, given all nodes. */
import { nodeAffinity, nodeAffinityPreference } from './plugins/node-affinity/filter.ts';
import { nodePorts } from './plugins/node-ports/filter.ts';
import { leastAllocated, nodeResourcesFit } from './plugins/node-resources/filter.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable/filter.ts';
import { withinPodAffinity } from './plugins/pod-affinity/filter.ts';
import { withinSkew } from './plugins/spread/filter.ts';
import { spreadByOwner } from './plugins/spread/score.ts';
import { taintPreference, taintToleration } from './plugins/taint-toleration/filter.ts';
import type { FilterPlugin, NodeInfo, PodInfo, ScorePlugin } from './types.ts';

/** Cheap ones that often say no come first. */
const filters: readonly FilterPlugin[] = [
  nodeUnschedulable,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
];
const scorers: readonly ScorePlugin[] = [leastAllocated, spreadByOwner, nodeAffinityPreference, taintPreference];

export type Placement =
  | { readonly nodeName: string }
  /** `message` in Kubernetes' form: `0/2 nodes are available: 2 Insufficient cpu.` */
  | { readonly nodeName: undefined; readonly message: string };

/** Equal scores are broken by `tieBreaker`, a number that changes from pod to pod, so that no node is always first. */
export function place(pod: PodInfo, nodes: readonly NodeInfo[], tieBreaker: number): Placement {
  const reasons = new Map<string, number>();
  const refuse = (reason: string, count = 1) => reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  const passing: NodeInfo[] = [];
  for (const node of nodes) {
    const reason = firstRefusal(pod, node);
    if (reason === undefined) passing.push(node);
    else refuse(reason);
  }
  const spread = withinSkew(pod, passing, nodes);
  if (spread.length < passing.length) {
    refuse("node(s) didn't match pod topology spread constraints", passing.length - spread.length);
  }
  const feasible = withinPodAffinity(pod, spread, nodes);
  if (feasible.length < spread.length) {
    refuse("node(s) didn't satisfy pod affinity/anti-affinity rules", spread.length - feasible.length);
  }
  if (feasible.length === 0) return { nodeName: undefined, message: refusalMessage(nodes.length, reasons) };
  return { nodeName: best(pod, feasible, tieBreaker).name };
}

function firstRefusal(pod: PodInfo, node: NodeInfo): string | undefined {
  for (const plugin of filters) {
    const reason = plugin.filter(pod, node);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function best(pod: PodInfo, nodes: readonly NodeInfo[], tieBreaker: number): NodeInfo {
  const totals = new Array<number>(nodes.length).fill(0);
  for (const plugin of scorers) {
    const scores = plugin.score(pod, nodes);
    for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * plugin.weight;
  }
  const highest = Math.max(...totals);
  const winners = nodes.filter((_, i) => totals[i] === highest).sort((a, b) => (a.name < b.name ? -1 : 1));
  return winners[tieBreaker % winners.length]!;
}

function refusalMessage(nodeCount: number, reasons: ReadonlyMap<string, number>): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${parts.join(', ')}.`;
}
