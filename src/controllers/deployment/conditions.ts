/** A Deployment's conditions, with upstream's reasons and messages: `kubectl rollout status` and `wait` read them. Pure. */
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../api/generated/types/apps-v1.ts';
import { timestamp } from '../shared/time.ts';
import { boundsOf, replicasOf } from './size.ts';

type Conditions = readonly DeploymentCondition[];
type ConditionChange = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

/** "No deadline" as clients write it. */
const noDeadlineSeconds = 2 ** 31 - 1;

export function findCondition(conditions: Conditions, type: string): DeploymentCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** Undefined: never times out and has no Progressing condition. */
export function progressDeadlineMs(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === noDeadlineSeconds ? undefined : seconds * 1000;
}

/** Nothing changes while status and reason are the same, unless `renew` says that time starts anew. */
export function setCondition(
  conditions: Conditions,
  change: ConditionChange,
  nowMs: number,
  renew = false,
): Conditions {
  const present = findCondition(conditions, change.type);
  if (present && !renew && present.status === change.status && present.reason === change.reason) return conditions;
  const now = timestamp(nowMs);
  const lastTransitionTime = (present?.status === change.status && present.lastTransitionTime) || now;
  return [
    ...conditions.filter(({ type }) => type !== change.type),
    { ...change, lastUpdateTime: now, lastTransitionTime },
  ];
}

export function withoutCondition(conditions: Conditions, type: string): Conditions {
  return conditions.filter((condition) => condition.type !== type);
}

export function setAvailable(
  deployment: Deployment,
  conditions: Conditions,
  available: number,
  nowMs: number,
): Conditions {
  const enough = available >= replicasOf(deployment) - boundsOf(deployment).unavailable;
  const change: ConditionChange = enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  return setCondition(conditions, change, nowMs);
}

/** Pausing stops the clock of the deadline, resuming starts it anew. */
export function setPaused(deployment: Deployment, conditions: Conditions, nowMs: number): Conditions {
  if (progressDeadlineMs(deployment) === undefined) return conditions;
  const reason = findCondition(conditions, 'Progressing')?.reason;
  if (reason === 'ProgressDeadlineExceeded') return conditions;
  const isPaused = deployment.spec?.paused === true;
  if (isPaused === (reason === 'DeploymentPaused')) return conditions;
  const change = isPaused
    ? { reason: 'DeploymentPaused', message: 'Deployment is paused' }
    : { reason: 'DeploymentResumed', message: 'Deployment is resumed' };
  return setCondition(conditions, { type: 'Progressing', status: 'Unknown', ...change }, nowMs);
}

/** Everything is updated, nothing old is left, all are available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = replicasOf(deployment);
  return [status.updatedReplicas, status.replicas, status.availableReplicas].every(
    (count) => (count ?? 0) === replicas,
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** `counts` is the new status without conditions. */
export function setProgressing(
  deployment: Deployment,
  conditions: Conditions,
  counts: DeploymentStatus,
  newSet: ReplicaSet | undefined,
  nowMs: number,
): Conditions {
  const deadlineMs = progressDeadlineMs(deployment);
  if (deadlineMs === undefined) return withoutCondition(conditions, 'Progressing');
  const present = findCondition(conditions, 'Progressing');
  const wasComplete = present?.reason === 'NewReplicaSetAvailable';
  if (wasComplete && (counts.replicas ?? 0) === (counts.updatedReplicas ?? 0)) return conditions;
  const subject = newSet ? `ReplicaSet "${newSet.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
  const set = (status: string, reason: string, message: string, renew = false) =>
    setCondition(conditions, { type: 'Progressing', status, reason, message: `${subject} ${message}` }, nowMs, renew);
  if (isComplete(deployment, counts)) return set('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
  if (hasProgressed(deployment.status ?? {}, counts)) return set('True', 'ReplicaSetUpdated', 'is progressing.', true);
  const timedOut = present && !wasComplete && nowMs - Date.parse(present.lastUpdateTime ?? '') > deadlineMs;
  if (timedOut) return set('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
  return conditions;
}

/** Milliseconds until the deadline must be looked at again; undefined when nothing can time out. */
export function deadlineInMs(deployment: Deployment, conditions: Conditions, nowMs: number): number | undefined {
  const deadlineMs = progressDeadlineMs(deployment);
  const present = findCondition(conditions, 'Progressing');
  if (deadlineMs === undefined || !present || deployment.spec?.paused) return undefined;
  if (present.reason === 'NewReplicaSetAvailable' || present.reason === 'ProgressDeadlineExceeded') return undefined;
  return Math.max(0, Date.parse(present.lastUpdateTime ?? '') + deadlineMs - nowMs) + 1_000;
}

/** What keeps the ReplicaSets from making pods is told by the Deployment, too. */
export function setReplicaFailure(conditions: Conditions, sets: readonly ReplicaSet[], nowMs: number): Conditions {
  const failure = sets.flatMap((set) => set.status?.conditions ?? []).find(({ type }) => type === 'ReplicaFailure');
  if (!failure) return withoutCondition(conditions, 'ReplicaFailure');
  const { status, reason, message } = failure;
  return setCondition(conditions, { type: 'ReplicaFailure', status, reason, message }, nowMs);
}
