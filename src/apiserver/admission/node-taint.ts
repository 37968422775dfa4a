/** New Nodes are not ready until somebody has seen that they are (Kubernetes, "TaintNodesByCondition"): nothing is scheduled on them too early. */
import type { Node } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

export const nodeTaint: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  ...concerns(resources.nodes, 'CREATE'),
  mutate(request) {
    const node = objectOf<Node>(request);
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
  },
};
