import { type FilterPlugin, maxScore, type ScorePlugin } from '../../types.ts';
import { matchesAnyTerm, matchesTerm } from './match.ts';

/** `nodeSelector` and required node affinity; both must hold. */
export const nodeAffinity: FilterPlugin = {
  name: 'NodeAffinity',
  filter(pod, node) {
    const selectorHolds = Object.entries(pod.nodeSelector).every(([key, value]) => node.labels[key] === value);
    const required = pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    const holds = selectorHolds && (!required || matchesAnyTerm(required.nodeSelectorTerms, node));
    return holds ? undefined : "node(s) didn't match Pod's node affinity/selector";
  },
};

/** Sum of the weights of the preferred terms that match, scaled so that the best node has the highest score. */
export const nodeAffinityPreference: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  score(pod, nodes) {
    const preferred = pod.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const sums = nodes.map((node) =>
      preferred.reduce((sum, term) => sum + (matchesTerm(term.preference, node) ? term.weight : 0), 0),
    );
    const most = Math.max(...sums);
    return sums.map((sum) => (most === 0 ? 0 : (maxScore * sum) / most));
  },
};
