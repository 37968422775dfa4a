/** From a Deployment and its ReplicaSets to the next step and the status. Pure; a rollout is many such steps. */
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { withoutZeros } from '../shared/counts.ts';
import { controllerReference, isDeleting } from '../shared/owners.ts';
import {
  isScalingEvent,
  newSetAnnotations,
  nextRevision,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from './annotations.ts';
import {
  deadlineInMs,
  findCondition,
  isComplete,
  progressDeadlineMs,
  setAvailable,
  setCondition,
  setPaused,
  setProgressing,
  setReplicaFailure,
} from './conditions.ts';
import { newSetSize, type Sizes, shrinkOldSets } from './rolling.ts';
import { scaleSets } from './scaling.ts';
import { isRolling, sizeOf, sum } from './size.ts';
import { findNewSet, hashLabel, templateHash } from './template.ts';

export interface DeploymentObservation {
  readonly deployment: Deployment;
  /** Those that it owns. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods that have not finished, terminating ones included, by the uid of their ReplicaSet. */
  readonly livePods: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

export type DeploymentAction =
  | { readonly type: 'create'; readonly replicaSet: ReplicaSet }
  /** `was` is the state the change is based on. */
  | { readonly type: 'update'; readonly was: ReplicaSet; readonly replicaSet: ReplicaSet }
  | { readonly type: 'delete'; readonly replicaSet: ReplicaSet };

export interface DeploymentPlan {
  readonly actions: readonly DeploymentAction[];
  /** To be noted on the Deployment itself; undefined: as it is. */
  readonly revision: string | undefined;
  readonly status: DeploymentStatus;
  readonly requeueAfterMs: number | undefined;
}

interface Step {
  readonly sizes?: Sizes;
  readonly create?: ReplicaSet;
  readonly cleanUp?: boolean;
}

export function planDeployment(observation: DeploymentObservation): DeploymentPlan {
  const { deployment, replicaSets, nowMs } = observation;
  const newSet = findNewSet(replicaSets, deployment.spec!.template);
  const oldSets = replicaSets.filter((set) => set !== newSet);
  const counts = countReplicas(deployment, replicaSets, newSet);
  const step = isDeleting(deployment) ? {} : nextStep(observation, newSet, oldSets, counts);
  const conditions = conditionsOf(deployment, replicaSets, newSet, step.create, counts, nowMs);
  const actions: DeploymentAction[] = step.create ? [{ type: 'create', replicaSet: step.create }] : [];
  if (!isDeleting(deployment)) actions.push(...updates(deployment, newSet, oldSets, step.sizes ?? new Map()));
  if (step.cleanUp) actions.push(...expired(deployment, oldSets));
  const updated = actions.find((action) => action.type === 'update' && action.was === newSet);
  const current = step.create ?? (updated?.replicaSet as ReplicaSet | undefined) ?? newSet;
  const revision = current && !isDeleting(deployment) ? String(revisionOf(current)) : undefined;
  return {
    actions,
    revision: revision === deployment.metadata?.annotations?.[revisionAnnotation] ? undefined : revision,
    status: { ...counts, conditions },
    requeueAfterMs: deadlineInMs(deployment, conditions, nowMs),
  };
}

function nextStep(
  { deployment, replicaSets, livePods }: DeploymentObservation,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  counts: DeploymentStatus,
): Step {
  const isPaused = deployment.spec?.paused === true;
  if (isPaused || isScalingEvent(deployment, replicaSets))
    return { sizes: scaleSets(deployment, newSet, oldSets), cleanUp: isPaused };
  const activeOld = oldSets.filter((set) => sizeOf(set) > 0);
  if (!isRolling(deployment)) {
    if (activeOld.length > 0) return { sizes: new Map(activeOld.map((set) => [set.metadata!.uid!, 0])) };
    if (sum(oldSets, (set) => livePods.get(set.metadata!.uid!) ?? 0) > 0) return {};
  }
  const size = newSetSize(deployment, newSet ? sizeOf(newSet) : 0, replicaSets);
  if (!newSet) return { create: buildNewSet(deployment, oldSets, size) };
  if (size !== sizeOf(newSet)) return { sizes: new Map([[newSet.metadata!.uid!, size]]) };
  const shrunk = shrinkOldSets(deployment, newSet, activeOld);
  if (shrunk.size > 0) return { sizes: shrunk };
  return { cleanUp: isComplete(deployment, counts) };
}

function buildNewSet(deployment: Deployment, oldSets: readonly ReplicaSet[], replicas: number): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec!;
  const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata!.name!}-${hash}`,
      namespace: deployment.metadata?.namespace,
      labels,
      annotations: {
        ...newSetAnnotations(deployment, undefined, nextRevision(oldSets)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [controllerReference(deployment, 'apps/v1', 'Deployment')],
    },
    spec: {
      replicas,
      minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

function updates(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  sizes: Sizes,
): DeploymentAction[] {
  const all = newSet ? [newSet, ...oldSets] : oldSets;
  return all.flatMap((was): DeploymentAction[] => {
    const size = sizes.get(was.metadata!.uid!);
    const base = was === newSet ? newSetAnnotations(deployment, was, nextRevision(oldSets)) : was.metadata?.annotations;
    const annotations = size === undefined ? base : { ...base, ...sizeAnnotations(deployment) };
    const minReadySeconds = was === newSet ? deployment.spec?.minReadySeconds : was.spec?.minReadySeconds;
    const isUnchanged =
      (size ?? sizeOf(was)) === sizeOf(was) &&
      (minReadySeconds ?? 0) === (was.spec?.minReadySeconds ?? 0) &&
      sameEntries(annotations ?? {}, was.metadata?.annotations ?? {});
    if (isUnchanged) return [];
    const spec = { ...was.spec!, replicas: size ?? sizeOf(was), minReadySeconds };
    return [{ type: 'update', was, replicaSet: { ...was, metadata: { ...was.metadata, annotations }, spec } }];
  });
}

function sameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);
}

/** Old ReplicaSets beyond revisionHistoryLimit, oldest revision first; only such as have no pods, nor are about to. */
function expired(deployment: Deployment, oldSets: readonly ReplicaSet[]): DeploymentAction[] {
  const alive = oldSets.filter((set) => !isDeleting(set));
  const surplus = alive.length - (deployment.spec?.revisionHistoryLimit ?? 10);
  if (surplus <= 0) return [];
  return alive
    .sort((a, b) => Number(revisionOf(a) - revisionOf(b)))
    .slice(0, surplus)
    .filter(
      (set) =>
        sizeOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata?.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
    .map((replicaSet) => ({ type: 'delete', replicaSet }));
}

function countReplicas(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
): DeploymentStatus {
  const total = sum(sets, (set) => set.status?.replicas ?? 0);
  const available = sum(sets, (set) => set.status?.availableReplicas ?? 0);
  const { collisionCount } = deployment.status ?? {};
  const counts = {
    replicas: total,
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total - available),
  };
  return {
    observedGeneration: deployment.metadata?.generation,
    ...withoutZeros(counts),
    terminatingReplicas: sum(sets, (set) => set.status?.terminatingReplicas ?? 0),
    ...(collisionCount !== undefined && { collisionCount }),
  };
}

function conditionsOf(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  created: ReplicaSet | undefined,
  counts: DeploymentStatus,
  nowMs: number,
): NonNullable<DeploymentStatus['conditions']> {
  let conditions = setPaused(deployment, deployment.status?.conditions ?? [], nowMs);
  conditions = setAvailable(deployment, conditions, counts.availableReplicas ?? 0, nowMs);
  conditions = setReplicaFailure(conditions, sets, nowMs);
  if (deployment.spec?.paused || isDeleting(deployment)) return [...conditions];
  const announce = (reason: string, message: string) =>
    setCondition(conditions, { type: 'Progressing', status: 'True', reason, message }, nowMs);
  if (created && progressDeadlineMs(deployment) !== undefined)
    return [...announce('NewReplicaSetCreated', `Created new replica set "${created.metadata?.name}"`)];
  if (newSet && progressDeadlineMs(deployment) !== undefined && !findCondition(conditions, 'Progressing'))
    conditions = announce('FoundNewReplicaSet', `Found new replica set "${newSet.metadata?.name}"`);
  if (isScalingEvent(deployment, sets)) return [...conditions];
  return [...setProgressing(deployment, conditions, counts, newSet, nowMs)];
}
