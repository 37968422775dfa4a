/**
 * What to do next for a pod: one step, from what is wanted and what is there. Pure, so every rule of a pod's life is testable without a runtime.
 *
 * Invariants: at most one container per name runs at a time; no regular container starts before every init container has succeeded in the
 * current sandbox; nothing of a pod that is gone is kept; a step is repeated until the observation shows that it has worked.
 */
import type { Container } from '../../api/generated/types/core-v1.ts';
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts';
import { needsRestart, sameResources } from './allocation.ts';
import { nextRestart } from './back-off.ts';
import { shouldRestart } from './restart.ts';
import {
  annotationKeys,
  type Ending,
  ephemeralContainers,
  hasEnded,
  isRunning,
  isSidecar,
  newestOf,
  type ObservedPod,
  type WantedPod,
} from './types.ts';

export interface Stop {
  readonly id: string;
  readonly name: string;
  readonly graceMs: number;
  readonly message: string;
}

export type ContainerKind = 'init' | 'regular' | 'ephemeral';

export type Step =
  | { readonly do: 'prepare-volumes' }
  | { readonly do: 'create-sandbox'; readonly attempt: number }
  | { readonly do: 'ensure-image'; readonly container: Container }
  | {
      readonly do: 'start-container';
      readonly container: Container;
      readonly kind: ContainerKind;
      readonly attempt: number;
      readonly streak: number;
      readonly sandbox: Sandbox;
    }
  /** Of containers that run and need no restart for it. */
  | { readonly do: 'resize'; readonly containers: readonly { readonly id: string; readonly container: Container }[] }
  | { readonly do: 'stop-containers'; readonly stops: readonly Stop[] }
  | { readonly do: 'remove-containers'; readonly ids: readonly string[] }
  | { readonly do: 'stop-sandbox'; readonly id: string }
  | { readonly do: 'remove-sandbox'; readonly id: string }
  /** Volumes, logs and everything else on disk. */
  | { readonly do: 'remove-data' }
  /** Nothing to do until something changes, or until the time given. */
  | { readonly do: 'wait'; readonly untilMs?: number }
  /** Only of a pod that is gone: nothing is left. */
  | { readonly do: 'finished' };

/** The last run and one before it, for `logs --previous`. */
const KEPT_ATTEMPTS = 2;
/** A stop that is under way is hurried only when it gains at least this much. */
const HURRY_MS = 1_000;
/** Look again after a kill should have worked. */
const KILL_CHECK_MS = 5_000;

export interface PlanInput {
  readonly pod: WantedPod;
  readonly observed: ObservedPod;
  readonly ending: Ending | undefined;
  /** Whether data on disk may still be there; false once `remove-data` has worked. */
  readonly hasData: boolean;
  readonly nowMs: number;
  /** The fingerprint of a container's spec, as in its annotation. */
  readonly hashOf: (container: Container) => string;
}

export function plan(input: PlanInput): Step {
  const { pod, observed, ending } = input;
  if (ending) return planEnding(input, ending);
  const sandbox = observed.sandboxes[0];
  if (isComplete(pod, observed.containers, sandbox)) return planComplete(input);
  const remains = planOldSandboxes(input) ?? planGarbage(observed);
  if (remains) return remains;
  const waits = new Waits(input.nowMs);
  if (observed.volumes.state !== 'ready') {
    if (observed.volumes.state === 'failed' && waits.until(observed.volumes.retryAtMs)) return waits.step();
    return { do: 'prepare-volumes' };
  }
  if (!sandbox?.ready) {
    if (observed.sandboxFailure && waits.until(observed.sandboxFailure.retryAtMs)) return waits.step();
    return { do: 'create-sandbox', attempt: (sandbox?.attempt ?? -1) + 1 };
  }
  return planContainers(input, sandbox, waits);
}

/** True when all regular containers have ended and none will be started again: the pod has succeeded or failed. */
export function isComplete(
  pod: WantedPod,
  containers: readonly RuntimeContainer[],
  sandbox: Sandbox | undefined,
): boolean {
  const policy = pod.spec.restartPolicy ?? 'Always';
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const newest = newestOf(containers, container.name);
    if (
      newest &&
      hasEnded(newest) &&
      newest.exitCode !== 0 &&
      !shouldRestart(container, policy, newest.exitCode, 'init')
    )
      return true;
  }
  if (containers.length === 0 && !sandbox) return false;
  return pod.spec.containers.every((container) => {
    const newest = newestOf(containers, container.name);
    return newest !== undefined && hasEnded(newest) && !shouldRestart(container, policy, newest.exitCode, 'regular');
  });
}

/**
 * True while a container that was stopped for a change of its own spec is about to run again: its end is no news of the pod by itself.
 * kubelet, too, shows the old run until the new one is there.
 */
export function isReplacing({ pod, observed, ending, hashOf }: PlanInput, step: Step): boolean {
  if (ending || step.do === 'wait' || step.do === 'finished') return false;
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some((container) => {
    const newest = newestOf(observed.containers, container.name);
    const hash = newest?.annotations[annotationKeys.hash];
    return newest !== undefined && hasEnded(newest) && hash !== undefined && hash !== hashOf(container);
  });
}

function planComplete(input: PlanInput): Step {
  const { observed } = input;
  const running = observed.containers.filter((container) => isRunning(container));
  if (running.length > 0) {
    const graceMs = (input.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    return stopAll(input, running, input.nowMs + graceMs, 'Pod has completed') ?? { do: 'wait' };
  }
  const live = observed.sandboxes.find((sandbox) => sandbox.ready);
  return live ? { do: 'stop-sandbox', id: live.id } : (planGarbage(observed) ?? { do: 'wait' });
}

function planEnding(input: PlanInput, ending: Ending): Step {
  const { observed, pod } = input;
  const alive = observed.containers.filter((container) => isRunning(container) || container.state === 'unknown');
  if (alive.length > 0) {
    // Sidecars serve the others until those have ended.
    const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
    const first = alive.filter((container) => !sidecars.has(container.name));
    const message = ending.kind === 'gone' ? 'Stopping container' : ending.message;
    const step = stopAll(input, first.length > 0 ? first : alive, ending.deadlineMs, message);
    return step ?? { do: 'wait', untilMs: Math.max(ending.deadlineMs, input.nowMs) + KILL_CHECK_MS };
  }
  const live = observed.sandboxes.find((sandbox) => sandbox.ready);
  if (live) return { do: 'stop-sandbox', id: live.id };
  if (ending.kind === 'over') return { do: 'wait' };
  if (observed.containers.length > 0) {
    return { do: 'remove-containers', ids: observed.containers.map(({ id }) => id) };
  }
  const sandbox = observed.sandboxes[0];
  if (sandbox) return { do: 'remove-sandbox', id: sandbox.id };
  return input.hasData ? { do: 'remove-data' } : { do: 'finished' };
}

function stopAll(
  input: PlanInput,
  containers: readonly RuntimeContainer[],
  deadlineMs: number,
  message: string,
): Step | undefined {
  const stops: Stop[] = [];
  for (const { id, name } of containers) {
    const under = input.observed.stopping.get(id);
    if (under && under.deadlineMs <= Math.max(deadlineMs, input.nowMs) + HURRY_MS) continue;
    stops.push({ id, name, graceMs: Math.max(0, deadlineMs - input.nowMs), message });
  }
  return stops.length > 0 ? { do: 'stop-containers', stops } : undefined;
}

/** A sandbox that is not the newest, or is dead, may still hold processes; its containers must end before new ones start. */
function planOldSandboxes(input: PlanInput): Step | undefined {
  const { observed, nowMs } = input;
  for (const [position, sandbox] of observed.sandboxes.entries()) {
    if (position === 0 && sandbox.ready) continue;
    const alive = observed.containers.filter(
      (container) => container.sandboxId === sandbox.id && (isRunning(container) || container.state === 'unknown'),
    );
    if (alive.length > 0)
      return stopAll(input, alive, nowMs, 'Sandbox is gone') ?? { do: 'wait', untilMs: nowMs + KILL_CHECK_MS };
    if (sandbox.ready) return { do: 'stop-sandbox', id: sandbox.id };
    const isEmpty = !observed.containers.some((container) => container.sandboxId === sandbox.id);
    if (position > 0 && isEmpty) return { do: 'remove-sandbox', id: sandbox.id };
  }
  return undefined;
}

/** Old runs beyond those kept, and containers that were created but never started (the agent ended in between). */
function planGarbage(observed: ObservedPod): Step | undefined {
  const ids = observed.containers.filter((container) => container.state === 'created').map(({ id }) => id);
  const byName = new Map<string, RuntimeContainer[]>();
  for (const container of observed.containers) {
    if (!hasEnded(container)) continue;
    byName.set(container.name, [...(byName.get(container.name) ?? []), container]);
  }
  for (const [name, ended] of byName) {
    const keep = isRunning(newestOf(observed.containers, name)) ? KEPT_ATTEMPTS - 1 : KEPT_ATTEMPTS;
    ended.sort((a, b) => b.attempt - a.attempt);
    ids.push(...ended.slice(keep).map(({ id }) => id));
  }
  return ids.length > 0 ? { do: 'remove-containers', ids } : undefined;
}

function planContainers(input: PlanInput, sandbox: Sandbox, waits: Waits): Step {
  const { pod, observed } = input;
  const resize = planResize(input, sandbox, waits);
  if (resize) return resize;
  for (const container of ephemeralContainers(pod.spec)) {
    if (hasRunEver(input, container.name)) continue;
    const step = planContainer(input, sandbox, container, 'ephemeral', waits);
    if (step) return step;
  }
  // Once regular containers run here, a sidecar that is down holds nothing up.
  const isInitialized = pod.spec.containers.some(({ name }) => newestOf(observed.containers, name, sandbox.id));
  for (const container of pod.spec.initContainers ?? []) {
    const current = newestOf(observed.containers, container.name, sandbox.id);
    const sidecar = isSidecar(container);
    if (!sidecar && current && hasEnded(current) && current.exitCode === 0) continue;
    const step = planContainer(input, sandbox, container, 'init', waits);
    if (step) return step;
    const started = sidecar && current && isRunning(current) && observed.probes.get(current.id)?.started !== false;
    if (!started && !(sidecar && isInitialized)) return waits.step();
  }
  for (const container of pod.spec.containers) {
    const step = planContainer(input, sandbox, container, 'regular', waits);
    if (step) return step;
  }
  return waits.step();
}

/** Ephemeral containers run once, and what is left of them may be gone. */
function hasRunEver({ pod, observed }: PlanInput, name: string): boolean {
  if (newestOf(observed.containers, name)) return true;
  const reported = pod.status?.ephemeralContainerStatuses?.find((status) => status.name === name);
  return reported?.state?.terminated !== undefined;
}

/** The next step for one container, or undefined when it is as it should be or has to wait (noted in `waits`). */
function planContainer(
  input: PlanInput,
  sandbox: Sandbox,
  container: Container,
  kind: ContainerKind,
  waits: Waits,
): Step | undefined {
  const { observed, pod, nowMs } = input;
  const current = newestOf(observed.containers, container.name);
  const here = current?.sandboxId === sandbox.id ? current : undefined;
  if (here && (isRunning(here) || here.state === 'unknown')) {
    const why = reasonToRestart(input, container, here);
    if (why === undefined) return undefined;
    const graceS = observed.probes.get(here.id)?.graceS ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    const graceMs = graceS * 1000;
    return stopAll(input, [here], nowMs + graceMs, why);
  }
  let streak = 0;
  if (current && hasEnded(current)) {
    // An init container runs again in a new sandbox even if it succeeded in the one before.
    const restart =
      shouldRestart(container, pod.spec.restartPolicy, current.exitCode, kind) || (!here && kind === 'init');
    // Stopped by ourselves to get other resources: it did not fail, and other amounts may be what helps one that did.
    const isResized = resizeOf(input, container, current) !== undefined;
    if (!restart && !isResized) return undefined;
    const next = isResized ? { atMs: 0, streak: 0 } : nextRestart(current);
    if (here && waits.until(next.atMs)) return undefined;
    streak = next.streak;
  }
  const failure = observed.startFailures.get(container.name);
  if (failure && waits.until(failure.retryAtMs)) return undefined;
  const image = observed.images.get(container.name);
  if (image?.state === 'pulling') return undefined;
  if (image?.state === 'failed' && waits.until(image.retryAtMs)) return undefined;
  if (image?.state !== 'present') return { do: 'ensure-image', container };
  return {
    do: 'start-container',
    container,
    kind,
    attempt: nextAttempt(pod, container.name, current),
    streak,
    sandbox,
  };
}

/** Counts on from what was reported where the runtime has lost the container. */
function nextAttempt(pod: WantedPod, name: string, current: RuntimeContainer | undefined): number {
  if (current) return current.attempt + 1;
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const reported = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
  return reported?.containerID ? reported.restartCount + 1 : 0;
}

/** Other amounts than the container has; undefined when they are the same. */
function resizeOf({ observed }: PlanInput, container: Container, current: RuntimeContainer) {
  const actual = observed.resources.get(current.id);
  const wanted = container.resources ?? {};
  if (actual === undefined || sameResources(actual, wanted)) return undefined;
  return { needsRestart: needsRestart(container, actual, wanted) };
}

/** All running containers at once: what one gives up another one may get. */
function planResize(input: PlanInput, sandbox: Sandbox, waits: Waits): Step | undefined {
  const { pod, observed } = input;
  const containers: { id: string; container: Container }[] = [];
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const current = newestOf(observed.containers, container.name, sandbox.id);
    if (!current || !isRunning(current)) continue;
    const resize = resizeOf(input, container, current);
    if (resize && !resize.needsRestart) containers.push({ id: current.id, container });
  }
  if (containers.length === 0) return undefined;
  const { failure } = observed.resize;
  return failure && waits.until(failure.retryAtMs) ? undefined : { do: 'resize', containers };
}

function reasonToRestart(input: PlanInput, container: Container, running: RuntimeContainer): string | undefined {
  if (running.state === 'unknown') return 'Container is in an unknown state';
  const hash = running.annotations[annotationKeys.hash];
  if (hash !== undefined && hash !== input.hashOf(container)) {
    return `Container ${container.name} definition changed, will be restarted`;
  }
  if (resizeOf(input, container, running)?.needsRestart) {
    return `Container ${container.name} resize requires restart`;
  }
  return input.observed.probes.get(running.id)?.unhealthy;
}

/** Collects the earliest time at which something becomes due. */
class Waits {
  readonly #nowMs: number;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** True when that time is still to come. */
  until(atMs: number): boolean {
    if (atMs <= this.#nowMs) return false;
    this.#untilMs = Math.min(this.#untilMs, atMs);
    return true;
  }

  step(): Step {
    return this.#untilMs === Number.POSITIVE_INFINITY ? { do: 'wait' } : { do: 'wait', untilMs: this.#untilMs };
  }
}
