/** What a Deployment notes on its ReplicaSets. Pure. */
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { boundsOf, replicasOf, sizeOf } from './size.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
/** Earlier revisions kept in the history annotation. */
const maxHistory = 200;

/** Not handed down from a Deployment to its ReplicaSets. */
const own = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
]);

type Annotations = Record<string, string>;

/** A bigint, since users may start anywhere within 64 bits. What is no number counts as none: 0. */
export function revisionOf(set: ReplicaSet): bigint {
  const text = set.metadata?.annotations?.[revisionAnnotation] ?? '';
  return /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
}

/** One more than any other ReplicaSet has: the current template is always the newest revision. */
export function nextRevision(oldSets: readonly ReplicaSet[]): bigint {
  let newest = 0n;
  for (const set of oldSets) if (revisionOf(set) > newest) newest = revisionOf(set);
  return newest + 1n;
}

/** Those of the ReplicaSet of the current template. */
export function newSetAnnotations(deployment: Deployment, set: ReplicaSet | undefined, revision: bigint): Annotations {
  const result: Annotations = { ...set?.metadata?.annotations };
  for (const [key, value] of Object.entries(deployment.metadata?.annotations ?? {}))
    if (!own.has(key)) result[key] = value;
  const present = set ? revisionOf(set) : 0n;
  if (present >= revision) return result;
  if (present > 0n) {
    const history = [...(result[historyAnnotation]?.split(',') ?? []), String(present)];
    result[historyAnnotation] = history.slice(-maxHistory).join(',');
  }
  result[revisionAnnotation] = String(revision);
  return result;
}

/** How large the whole Deployment was meant to be when the ReplicaSet was last scaled: the base of proportional scaling. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const replicas = replicasOf(deployment);
  return { [desiredAnnotation]: String(replicas), [maxAnnotation]: String(replicas + boundsOf(deployment).surge) };
}

export function annotatedSize(set: ReplicaSet, annotation: string): number | undefined {
  const value = Number.parseInt(set.metadata?.annotations?.[annotation] ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

/** The Deployment was scaled since its ReplicaSets were: they are brought to the new size before anything is rolled. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = annotatedSize(set, desiredAnnotation);
    return sizeOf(set) > 0 && desired !== undefined && desired !== replicasOf(deployment);
  });
}
