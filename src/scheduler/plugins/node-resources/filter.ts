import { type FilterPlugin, maxScore, type ScorePlugin } from '../../types.ts';

/** Requests of all pods on a node stay within what it can give; the number of pods is a resource like others. */
export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  filter(pod, node) {
    const podLimit = node.allocatable.get('pods');
    if (podLimit !== undefined && node.pods.size + 1 > podLimit) return 'Too many pods';
    for (const [name, amount] of pod.requests) {
      if (amount === 0) continue;
      const free = (node.allocatable.get(name) ?? 0) - (node.requested.get(name) ?? 0);
      if (amount > free) return `Insufficient ${name}`;
    }
    return undefined;
  },
};

/** Prefers the node that keeps the larger share of cpu and memory free. */
export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  score(pod, nodes) {
    return nodes.map((node) => {
      let sum = 0;
      for (const name of ['cpu', 'memory'] as const) {
        const capacity = node.allocatable.get(name) ?? 0;
        if (capacity === 0) continue;
        sum += (maxScore * Math.max(0, capacity - node.scoredUse[name] - pod.scoredUse[name])) / capacity;
      }
      return sum / 2;
    });
  },
};
