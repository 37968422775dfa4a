/** Pods that nobody else will ever remove. Pure. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { isDeleting } from '../shared/owners.ts';
import { isFinished } from '../shared/pods.ts';

/** Terminated pods beyond the limit, oldest first. */
export function surplusTerminated(pods: readonly Pod[], limit: number): Pod[] {
  const terminated = pods.filter((pod) => isFinished(pod) && !isDeleting(pod));
  const createdMs = (pod: Pod) => Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
  return terminated.sort((a, b) => createdMs(a) - createdMs(b)).slice(0, Math.max(0, terminated.length - limit));
}

/** Marked for deletion but never given to a node: no agent will confirm that it has stopped. */
export function isUnassignedAndDeleted(pod: Pod): boolean {
  return isDeleting(pod) && !pod.spec?.nodeName;
}
