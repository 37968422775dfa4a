import type { KubernetesObject } from '../../api/types.ts';

/** Makes `target` what `source` is, in place; whoever holds it sees the change. */
export function replaceContents(target: KubernetesObject, source: KubernetesObject): void {
  if (target === source) return;
  for (const field of Object.keys(target)) delete target[field];
  Object.assign(target, source);
}
