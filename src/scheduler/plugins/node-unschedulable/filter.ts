import type { FilterPlugin } from '../../types.ts';
import { tolerates } from '../taint-toleration/tolerates.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take only pods that tolerate the cordon. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter: (pod, node) =>
    node.unschedulable && !pod.tolerations.some((toleration) => tolerates(toleration, taint))
      ? 'node(s) were unschedulable'
      : undefined,
};
