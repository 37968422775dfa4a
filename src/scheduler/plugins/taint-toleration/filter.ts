import { type FilterPlugin, maxScore, type ScorePlugin } from '../../types.ts';
import { tolerates } from './tolerates.ts';

/** A node's NoSchedule and NoExecute taints keep away what does not tolerate them. */
export const taintToleration: FilterPlugin = {
  name: 'TaintToleration',
  filter(pod, node) {
    for (const taint of node.taints) {
      if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue;
      if (!pod.tolerations.some((toleration) => tolerates(toleration, taint))) {
        return `node(s) had untolerated taint(s)`;
      }
    }
    return undefined;
  },
};

/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate. */
export const taintPreference: ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  score(pod, nodes) {
    const counts = nodes.map(
      (node) =>
        node.taints.filter(
          (taint) => taint.effect === 'PreferNoSchedule' && !pod.tolerations.some((item) => tolerates(item, taint)),
        ).length,
    );
    const most = Math.max(...counts);
    return counts.map((count) => (most === 0 ? maxScore : maxScore * (1 - count / most)));
  },
};
