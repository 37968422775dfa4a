/**
 * Pods stay for five minutes on a node that is not ready or not reachable, unless they say otherwise. On updates too: a client that
 * replaces the whole list does not mean to take these away, and validation would not let it.
 */
import type { Pod, Toleration } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const tolerationSeconds = 300;

export const defaultTolerations: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  ...concerns(resources.pods, 'CREATE', 'UPDATE'),
  mutate(request) {
    const { spec } = objectOf<Pod>(request);
    if (!spec) return;
    const given = spec.tolerations ?? [];
    const missing = taints.filter((key) => !given.some((toleration) => tolerates(toleration, key)));
    const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }));
    if (added.length > 0) spec.tolerations = [...given, ...added];
  },
};

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}
