/**
 * A pod's status from what is observed: phase, conditions and one status per container. Pure; the previous status is only used for the times of
 * transitions and for containers whose remains are gone.
 */
import type { Container, ContainerStatus, PodCondition, PodStatus } from '../../api/generated/types/core-v1.ts';
import { qosClass } from '../../api/kinds/pod/qos.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { sameResources } from './allocation.ts';
import { nextRestart } from './back-off.ts';
import { type ContainerKind, isComplete } from './plan.ts';
import { shouldRestart } from './restart.ts';
import {
  type Ending,
  ephemeralContainers,
  hasEnded,
  isRunning,
  isSidecar,
  newestOf,
  type ObservedPod,
  type WantedPod,
} from './types.ts';

export interface StatusInput {
  readonly pod: WantedPod;
  readonly observed: ObservedPod;
  readonly ending: Ending | undefined;
  readonly previous: PodStatus | undefined;
  readonly hostIp: string;
  readonly nowMs: number;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, observed, previous, ending } = input;
  const initContainerStatuses = (pod.spec.initContainers ?? []).map((c) => containerStatus(input, c, 'init'));
  const containerStatuses = pod.spec.containers.map((c) => containerStatus(input, c, 'regular'));
  const ephemeralContainerStatuses = ephemeralContainers(pod.spec).map((c) => containerStatus(input, c, 'ephemeral'));
  // Nothing was ever made of it: that it waits for its containers would be no news.
  const isRejected =
    ending?.kind === 'over' &&
    observed.sandboxes.length === 0 &&
    observed.containers.length === 0 &&
    !previous?.containerStatuses?.some(({ containerID }) => containerID);
  const phase = podPhase(input, initContainerStatuses, containerStatuses);
  const ip = observed.ips[0] ?? (phase === 'Succeeded' || phase === 'Failed' || ending ? previous?.podIP : undefined);
  const ips = observed.ips.length > 0 ? observed.ips : ip !== undefined ? [ip] : [];
  return {
    phase,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    conditions: conditions(input, phase, initContainerStatuses, containerStatuses),
    ...(ending?.kind === 'over' &&
      phase === ending.phase &&
      ending.reason !== '' && { reason: ending.reason, message: ending.message }),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(ip !== undefined && { podIP: ip, podIPs: ips.map((address) => ({ ip: address })) }),
    startTime: previous?.startTime ?? rfc3339(input.nowMs),
    qosClass: qosClass(pod),
    ...(initContainerStatuses.length > 0 && !isRejected && { initContainerStatuses }),
    ...(!isRejected && { containerStatuses }),
    ...(ephemeralContainerStatuses.length > 0 && { ephemeralContainerStatuses }),
  };
}

function podPhase(input: StatusInput, init: ContainerStatus[], regular: ContainerStatus[]): string {
  const { pod, observed, ending, previous } = input;
  if (previous?.phase === 'Succeeded' || previous?.phase === 'Failed') return previous.phase;
  // Over only when nothing runs any more: others may start a replacement then.
  const someRun = [...init, ...regular].some(({ state }) => state?.running);
  if (ending?.kind === 'over' && !someRun) return ending.phase;
  const ended = regular.filter(({ state }) => state?.terminated);
  // A pod that was told to stop ends in the phase its exit codes say, whatever its restart policy.
  const noneWillRun =
    isComplete(pod, observed.containers, observed.sandboxes[0]) || (ending && ended.length === regular.length);
  if (noneWillRun) {
    const failed = [...regular, ...init.filter((s) => !s.started)].some(
      ({ state }) => state?.terminated && state.terminated.exitCode !== 0,
    );
    return failed ? 'Failed' : 'Succeeded';
  }
  const initialized = isInitialized(pod, init);
  if (!initialized) return 'Pending';
  const hasRun = regular.every(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);
  return hasRun ? 'Running' : 'Pending';
}

function isInitialized(pod: WantedPod, init: readonly ContainerStatus[]): boolean {
  return (pod.spec.initContainers ?? []).every((container, i) => {
    const status = init[i];
    return isSidecar(container) ? status?.started === true : status?.state?.terminated?.exitCode === 0;
  });
}

function conditions(
  input: StatusInput,
  phase: string,
  init: ContainerStatus[],
  regular: ContainerStatus[],
): PodCondition[] {
  const { pod, observed, previous } = input;
  const done = phase === 'Succeeded' || phase === 'Failed';
  const sandboxReady = observed.sandboxes[0]?.ready === true;
  const sidecars = init.filter((_, i) => isSidecar(pod.spec.initContainers![i]!));
  const unready = [...sidecars, ...regular].filter(({ ready }) => !ready).map(({ name }) => name);
  const incomplete = init
    .filter((status, i) =>
      isSidecar(pod.spec.initContainers![i]!) ? !status.started : status.state?.terminated?.exitCode !== 0,
    )
    .map(({ name }) => name);
  const notReady: Pick<PodCondition, 'reason' | 'message'> =
    phase === 'Succeeded'
      ? { reason: 'PodCompleted' }
      : phase === 'Failed'
        ? { reason: 'PodFailed' }
        : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const containersReady = !done && unready.length === 0 && incomplete.length === 0;
  const failedGates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => pod.status?.conditions?.find(({ type }) => type === conditionType)?.status !== 'True',
  );
  const ready = containersReady && failedGates.length === 0;
  const computed: PodCondition[] = [
    { type: 'PodReadyToStartContainers', status: bool(sandboxReady && !done) },
    incomplete.length === 0 || phase === 'Succeeded'
      ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${incomplete.join(' ')}]`,
        },
    { type: 'Ready', status: bool(ready), ...(!ready && (containersReady ? gatesNotReady(failedGates) : notReady)) },
    { type: 'ContainersReady', status: bool(containersReady), ...(!containersReady && notReady) },
    { type: 'PodScheduled', status: 'True' },
    ...resizeConditions(input),
    ...disruption(input),
  ];
  return computed.map((condition) => withTransition(condition, previous, input));
}

/** There only as long as they hold. */
function resizeConditions({ pod, observed, ending }: StatusInput): PodCondition[] {
  const { pending, failure } = observed.resize;
  const found: PodCondition[] = [];
  if (ending) return found;
  if (pending) found.push({ type: 'PodResizePending', status: 'True', ...pending });
  const isUnderWay = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some((container) => {
    const current = newestOf(observed.containers, container.name);
    const actual = current && isRunning(current) ? observed.resources.get(current.id) : undefined;
    return actual !== undefined && !sameResources(actual, container.resources ?? {});
  });
  if (isUnderWay) {
    const error = failure && { reason: 'Error', message: failure.message };
    found.push({ type: 'PodResizeInProgress', status: 'True', ...error });
  }
  return found;
}

function disruption({ ending }: StatusInput): PodCondition[] {
  if (ending?.kind !== 'over' || !ending.disrupted) return [];
  const { message } = ending;
  return [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }];
}

function gatesNotReady(gates: readonly { conditionType: string }[]): Pick<PodCondition, 'reason' | 'message'> {
  const message = gates.map(
    ({ conditionType }) => `corresponding condition of pod readiness gate "${conditionType}" is not True`,
  );
  return { reason: 'ReadinessGatesNotReady', message: message.join('; ') };
}

function withTransition(condition: PodCondition, previous: PodStatus | undefined, input: StatusInput): PodCondition {
  const before = previous?.conditions?.find(({ type }) => type === condition.type);
  const unchanged = before?.status === condition.status;
  return {
    lastProbeTime: null as unknown as undefined,
    ...condition,
    lastTransitionTime: unchanged && before.lastTransitionTime ? before.lastTransitionTime : rfc3339(input.nowMs),
    ...(input.pod.metadata.generation !== undefined && { observedGeneration: input.pod.metadata.generation }),
  };
}

export function statusesOf(status: PodStatus | undefined, kind: ContainerKind): ContainerStatus[] | undefined {
  if (kind === 'init') return status?.initContainerStatuses;
  return kind === 'regular' ? status?.containerStatuses : status?.ephemeralContainerStatuses;
}

function containerStatus(input: StatusInput, container: Container, kind: ContainerKind): ContainerStatus {
  const { observed, previous } = input;
  const before = statusesOf(previous, kind)?.find(({ name }) => name === container.name);
  const current = newestOf(observed.containers, container.name);
  if (!current || current.state === 'created') return notCreated(input, container, kind, before, current);
  const verdict = observed.probes.get(current.id);
  const running = isRunning(current);
  const started = running && !observed.starting.has(current.id) && verdict?.started !== false;
  const ended = hasEnded(current);
  const succeeded = ended && current.exitCode === 0;
  const isPlainInit = kind === 'init' && !isSidecar(container);
  const mayRestart = ended && kind !== 'ephemeral' && !(isPlainInit && succeeded);
  const waiting = mayRestart ? restartWait(input, container, current, kind) : undefined;
  const older = observed.containers
    .filter(({ name, attempt, state }) => name === container.name && attempt < current.attempt && state === 'exited')
    .sort((a, b) => b.attempt - a.attempt)[0];
  const last = waiting ? terminated(input, current) : older ? terminated(input, older) : undefined;
  return {
    name: container.name,
    state: running
      ? { running: { startedAt: rfc3339(current.startedAtMs) } }
      : waiting
        ? { waiting }
        : ended
          ? { terminated: terminated(input, current) }
          : { waiting: { reason: 'ContainerStatusUnknown' } },
    lastState: last ? { terminated: last } : {},
    ready: isPlainInit ? succeeded : kind !== 'ephemeral' && started && verdict?.ready !== false,
    restartCount: current.attempt,
    image: container.image ?? current.image,
    imageID: current.imageId,
    containerID: `containerd://${current.id}`,
    ...(kind !== 'ephemeral' && containerResources(observed, container, current)),
    ...(kind !== 'ephemeral' && { started: isPlainInit ? false : started }),
  };
}

/** What the container was given, and what it really has. */
function containerResources(observed: ObservedPod, { resources = {} }: Container, current: RuntimeContainer) {
  const actual = isRunning(current) ? observed.resources.get(current.id) : undefined;
  return {
    ...(resources.requests && { allocatedResources: resources.requests }),
    resources: { ...resources, ...actual },
  };
}

/** The reason for waiting of a container that ended and will be started again; undefined when it will not be, or at once. */
function restartWait(
  input: StatusInput,
  container: Container,
  ended: RuntimeContainer,
  kind: ContainerKind,
): { reason: string; message?: string } | undefined {
  const { pod, ending, observed, nowMs } = input;
  if (ending || isComplete(pod, observed.containers, observed.sandboxes[0])) return undefined;
  if (!shouldRestart(container, pod.spec.restartPolicy, ended.exitCode, kind)) return undefined;
  const problem = startProblem(observed, container.name);
  if (problem) return problem;
  const next = nextRestart(ended);
  if (next.atMs <= nowMs) return undefined;
  const delayS = Math.round((next.atMs - ended.finishedAtMs) / 1000);
  const delay = delayS >= 60 ? `${Math.floor(delayS / 60)}m${delayS % 60}s` : `${delayS}s`;
  const who = `container=${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
  return { reason: 'CrashLoopBackOff', message: `back-off ${delay} restarting failed ${who}` };
}

function startProblem(observed: ObservedPod, name: string): { reason: string; message: string } | undefined {
  const image = observed.images.get(name);
  if (image?.state === 'failed') return { reason: image.reason, message: image.message };
  const failure = observed.startFailures.get(name);
  return failure && { reason: failure.reason, message: failure.message };
}

/** Never created in this sandbox, or its remains are gone: then what the previous status says of a finished run still holds. */
function notCreated(
  input: StatusInput,
  container: Container,
  kind: ContainerKind,
  before: ContainerStatus | undefined,
  current: RuntimeContainer | undefined,
): ContainerStatus {
  const { pod, observed } = input;
  const over = before?.state?.terminated;
  if (
    over &&
    !current &&
    (input.ending || ['Succeeded', 'Failed'].includes(input.previous?.phase ?? '') || kind !== 'regular')
  ) {
    return before;
  }
  // Of all containers of such a pod, the first init container included: as kubelet does.
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  const reason = hasInit ? 'PodInitializing' : 'ContainerCreating';
  const waiting = startProblem(observed, container.name) ?? { reason };
  return {
    name: container.name,
    state: { waiting },
    lastState: before?.lastState ?? {},
    ready: false,
    restartCount: current?.attempt ?? before?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
  };
}

function terminated(input: StatusInput, container: RuntimeContainer) {
  const message = input.observed.terminationMessages.get(container.id) ?? container.message;
  const signal =
    container.exitCode > 128 && container.exitCode <= 128 + 64 && container.reason === ''
      ? container.exitCode - 128
      : undefined;
  return {
    exitCode: container.exitCode,
    ...(signal !== undefined && { signal }),
    reason: container.reason !== '' ? container.reason : container.exitCode === 0 ? 'Completed' : 'Error',
    ...(message !== '' && { message }),
    startedAt: container.startedAtMs > 0 ? rfc3339(container.startedAtMs) : (null as unknown as string),
    finishedAt: container.finishedAtMs > 0 ? rfc3339(container.finishedAtMs) : (null as unknown as string),
    containerID: `containerd://${container.id}`,
  };
}

function bool(value: boolean): string {
  return value ? 'True' : 'False';
}

/** Kubernetes' Time: whole seconds, UTC. */
export function rfc3339(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}
