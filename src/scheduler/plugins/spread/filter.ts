import { selectorMatches } from '../../../api/meta/label-selector.ts';
import type { NodeInfo, PodInfo } from '../../types.ts';
import { nodeAffinity } from '../node-affinity/filter.ts';

/**
 * Hard topology spread constraints (`whenUnsatisfiable: DoNotSchedule`): after placing the pod, a domain may hold at most `maxSkew`
 * more matching pods than the emptiest. Domains are those of every node that the pod's node affinity admits, full or not; hence a
 * function of its own over the node list. Returns those of `candidates` where the pod may go.
 */
export function withinSkew(pod: PodInfo, candidates: readonly NodeInfo[], nodes: readonly NodeInfo[]): NodeInfo[] {
  let fitting = [...candidates];
  for (const constraint of pod.topologySpread) {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') continue;
    const counts = new Map<string, number>();
    for (const node of nodes) {
      if (nodeAffinity.filter(pod, node) !== undefined) continue;
      const domain = node.labels[constraint.topologyKey];
      if (domain === undefined) continue;
      let count = counts.get(domain) ?? 0;
      for (const other of node.pods.values()) {
        if (other.namespace === pod.namespace && selectorMatches(constraint.labelSelector, other.labels)) count++;
      }
      counts.set(domain, count);
    }
    const emptiest = Math.min(...counts.values());
    fitting = fitting.filter((node) => {
      const domain = node.labels[constraint.topologyKey];
      return domain !== undefined && (counts.get(domain) ?? 0) + 1 - emptiest <= constraint.maxSkew;
    });
  }
  return fitting;
}
