import { maxScore, type ScorePlugin } from '../../types.ts';

/** Prefers nodes with fewer pods of the same controller, so that the loss of one node costs the least. */
export const spreadByOwner: ScorePlugin = {
  name: 'SpreadByOwner',
  weight: 2,
  score(pod, nodes) {
    if (pod.ownerUid === undefined) return nodes.map(() => 0);
    const counts = nodes.map((node) => {
      let count = 0;
      for (const other of node.pods.values()) if (other.ownerUid === pod.ownerUid) count++;
      return count;
    });
    const most = Math.max(...counts);
    return counts.map((count) => (most === 0 ? maxScore : maxScore * (1 - count / most)));
  },
};
