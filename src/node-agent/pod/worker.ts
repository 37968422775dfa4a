/**
 * One pod's worker: observes, plans one step, does it, again, strictly one after the other. Level-based: a missed or doubled wake-up costs
 * a look, never correctness. What takes long (stopping with a grace period, pulling, postStart hooks) runs beside the loop and shows in the
 * next observation; what must survive the agent is in the runtime's annotations and the pod's status, not here.
 */
import type { Container, PodStatus } from '../../api/generated/types/core-v1.ts';
import { runHandler } from '../probes/handlers.ts';
import { retryDelayMs } from './back-off.ts';
import { containerHash, containerSpec, RunAsNonRootError } from './container-spec.ts';
import type { WorkerContext } from './context.ts';
import { withoutCutOffStarts } from './cut-off-start.ts';
import { containerEnv, MissingObjectError, type PodObjects } from './env.ts';
import type { FieldContext } from './fields.ts';
import { NOTHING_OBSERVED, PodObserver, type RuntimeObservation } from './observer.ts';
import { isReplacing, plan, type Step, type Stop } from './plan.ts';
import { PodImages } from './pod-images.ts';
import { PodResources } from './pod-resources.ts';
import { containerResources } from './qos.ts';
import { sandboxSpec } from './sandbox-spec.ts';
import { podStatus } from './status.ts';
import { stopContainer } from './stop-container.ts';
import {
  type AnyContainer,
  allContainers,
  type Ending,
  type Failure,
  newestOf,
  type ObservedPod,
  type WantedPod,
} from './types.ts';

const DEFAULT_GRACE_S = 30;
const MAX_EVENT_MESSAGE_CHARS = 1024;
/** Timers cannot be set for longer than 24 days; looking once an hour is cheap. */
const MAX_SLEEP_MS = 3_600_000;

type StepOf<K extends Step['do']> = Extract<Step, { do: K }>;

export class PodWorker {
  readonly #context: WorkerContext;
  readonly #observer: PodObserver;
  #pod: WantedPod;
  #fingerprint: string;
  #ending: Ending | undefined;
  #removed = false;
  #abandoned = false;
  #hasData = true;
  #reportedGone = false;
  #wakeUp: (() => void) | undefined;
  #woken = false;
  #failures = 0;
  #status: PodStatus | undefined;
  #published = '';
  #seen: RuntimeObservation = NOTHING_OBSERVED;
  #volumes: ObservedPod['volumes'] = { state: 'unknown' };
  /** Something that volumes show has changed since their content was last looked up. */
  #volumesStale = false;
  #refreshFailures = 0;
  #cancelRefresh: (() => void) | undefined;
  #sandboxFailure: Failure | undefined;
  readonly #resources: PodResources;
  #isAdmitted: boolean;
  readonly #images: PodImages;
  readonly #startFailures = new Map<string, Failure>();
  readonly #stopping = new Map<string, { deadlineMs: number }>();
  readonly #starting = new Set<string>();
  /** Resolves when nothing of the pod is left, or the worker was abandoned. */
  readonly done: Promise<void>;

  constructor(pod: WantedPod, context: WorkerContext) {
    this.#pod = pod;
    this.#context = context;
    this.#observer = new PodObserver(context.runtime, context.storage);
    this.#images = new PodImages(context, {
      event: (type, reason, message) => this.#event(type, reason, message),
      changed: () => this.wake(),
    });
    this.#resources = new PodResources(pod);
    // It has been before if the node has said when it began.
    this.#isAdmitted = pod.status?.startTime !== undefined;
    this.#fingerprint = fingerprint(pod);
    this.#status = pod.status;
    this.#noteEnding();
    this.done = this.#run();
  }

  get pod(): WantedPod {
    return this.#pod;
  }

  /** The pod with the resources that the node has given to it; undefined before it was admitted and once it is over. */
  get admitted(): WantedPod | undefined {
    const isOver = this.#status?.phase === 'Succeeded' || this.#status?.phase === 'Failed';
    return this.#isAdmitted && !isOver ? this.#given() : undefined;
  }

  get removed(): boolean {
    return this.#removed;
  }

  /** The last status computed. */
  get status(): PodStatus | undefined {
    return this.#status;
  }

  /** What masters were last told; undefined before the first report, and once there is nothing more to say of the pod. */
  get reported(): PodStatus | undefined {
    return this.#published === '' || this.#removed || this.#reportedGone ? undefined : this.#status;
  }

  /** The last look at the runtime. */
  get seen(): RuntimeObservation {
    return this.#seen;
  }

  /** A newer version of the same pod (same uid). */
  update(pod: WantedPod): void {
    this.#pod = pod;
    const print = fingerprint(pod);
    if (print === this.#fingerprint) return;
    this.#fingerprint = print;
    this.#noteEnding();
    this.objectsChanged();
  }

  /** The pod is not wanted here any more: stop it and leave nothing. */
  remove(): void {
    this.#removed = true;
    if (this.#ending?.kind !== 'gone') {
      const graceS = this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds;
      this.#ending = { kind: 'gone', deadlineMs: this.#nowMs() + (graceS ?? DEFAULT_GRACE_S) * 1000 };
    }
    this.wake();
  }

  /** The node gives the pod up. */
  evict(message: string, graceMs: number): void {
    if (this.#ending) return;
    const deadlineMs = this.#nowMs() + graceMs;
    this.#ending = { kind: 'over', phase: 'Failed', reason: 'Evicted', message, deadlineMs, disrupted: true };
    this.#event('Warning', 'Evicted', message);
    this.wake();
  }

  /** A ConfigMap or Secret of the pod's namespace changed. */
  objectsChanged(): void {
    for (const [name, failure] of this.#startFailures) {
      if (failure.reason === 'CreateContainerConfigError') this.#startFailures.delete(name);
    }
    if (this.#volumes.state === 'failed') this.#volumes = { state: 'unknown' };
    this.#volumesStale = true;
    this.wake();
  }

  /** Look again. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  /** Ends the worker and leaves the pod as it is. */
  abandon(): void {
    this.#abandoned = true;
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#abandoned) {
      this.#woken = false;
      try {
        if (this.#volumesStale && this.#volumes.state === 'ready' && !this.#ending) await this.#refreshVolumes();
        const step = await this.#lookAndPlan();
        if (step.do === 'finished' && this.#removed) break;
        if (step.do === 'finished') this.#reportGone();
        if (step.do === 'wait' || step.do === 'finished') {
          if (!this.#ending) await this.#settleCgroup();
          this.#failures = 0;
          await this.#sleep('untilMs' in step ? step.untilMs : undefined);
        } else await this.#execute(step);
      } catch (error) {
        this.#failures++;
        const delayMs = retryDelayMs(this.#failures);
        this.#context.logger.warn({ err: error, pod: this.#name(), delayMs }, 'step failed');
        await this.#sleepFor(delayMs);
      }
    }
    this.#cancelRefresh?.();
    this.#context.tokens?.forget(this.#pod.metadata.uid);
    this.#context.probes.sync(this.#pod.metadata.uid, []);
  }

  async #lookAndPlan(): Promise<Step> {
    this.#seen = await this.#observer.observe(this.#pod);
    this.#resources.keepOnly(new Set(this.#seen.containers.map(({ id }) => id)));
    this.#syncProbes();
    this.#noteDeadline();
    this.#admit();
    this.#considerResize();
    const observed = this.#observed();
    const nowMs = this.#nowMs();
    const input = {
      pod: this.#given(),
      observed,
      ending: this.#ending,
      hasData: this.#hasData,
      nowMs,
      hashOf: containerHash,
    };
    const step = plan(input);
    if (isReplacing(input, step)) return step;
    const isRemoving = step.do === 'remove-containers' || step.do === 'remove-sandbox' || step.do === 'remove-data';
    if (!(this.#ending?.kind === 'gone' && (isRemoving || step.do === 'finished'))) this.#publish(observed, nowMs);
    else if (this.#seen.containers.length > 0) this.#publish(observed, nowMs);
    return step;
  }

  #observed(): ObservedPod {
    const { probes } = this.#context;
    const verdicts = this.#seen.containers.map(({ id }) => [id, probes.verdict(id)] as const);
    return {
      ...this.#seen,
      containers: withoutCutOffStarts(this.#seen.containers, this.#startFailures),
      ips: this.#ips(),
      volumes: this.#volumes,
      sandboxFailure: this.#sandboxFailure,
      images: this.#images.states,
      startFailures: this.#startFailures,
      probes: new Map(verdicts),
      stopping: this.#stopping,
      starting: this.#starting,
      resources: this.#resources.actual,
      resize: this.#resources.state,
    };
  }

  #given(): WantedPod {
    return this.#resources.given(this.#pod);
  }

  /** Once, before anything of the pod is made. */
  #admit(): void {
    if (this.#isAdmitted || this.#ending) return;
    const rejection = this.#seen.sandboxes.length === 0 ? this.#context.admit(this.#pod) : undefined;
    if (!rejection) {
      this.#isAdmitted = true;
      return;
    }
    const { reason, message } = rejection;
    const deadlineMs = this.#nowMs();
    this.#ending = { kind: 'over', phase: 'Failed', reason, message: `Pod was rejected: ${message}`, deadlineMs };
    this.#event('Warning', reason, message);
  }

  #considerResize(): void {
    if (this.#ending) return;
    const news = this.#resources.consider(this.#pod, (pod) => this.#context.judgeResize(pod));
    if (!news) return;
    const summary = resizeSummary(this.#pod);
    if (news.verdict === 'fits') this.#event('Normal', 'ResizeStarted', `Pod resize started: ${summary}`);
    else this.#event('Warning', `Resize${news.verdict}`, `Pod resize ${news.verdict}: ${summary}: ${news.message}`);
  }

  #ips(): readonly string[] {
    const ready = this.#seen.sandboxes[0]?.ready === true;
    return this.#pod.spec.hostNetwork && ready ? [this.#context.node.hostIp] : this.#seen.ips;
  }

  #syncProbes(): void {
    const podUid = this.#pod.metadata.uid;
    const specs = this.#specs();
    const statuses = [...(this.#status?.containerStatuses ?? []), ...(this.#status?.initContainerStatuses ?? [])];
    const targets = this.#seen.containers.flatMap((running) => {
      const container = specs.get(running.name);
      if (running.state !== 'running' || !container || this.#context.runtime.kind === 'hollow') return [];
      const { id: containerId, startedAtMs } = running;
      const reported = statuses.find(({ containerID }) => containerID === `containerd://${containerId}`);
      const before = { started: reported?.started === true, ready: reported?.ready === true };
      return [{ podUid, containerId, container, startedAtMs, podIp: this.#ips()[0] ?? '', before }];
    });
    this.#context.probes.sync(podUid, targets);
  }

  #publish(observed: ObservedPod, nowMs: number): void {
    const before = this.#status;
    const status = podStatus({
      pod: this.#given(),
      observed,
      ending: this.#ending,
      previous: before,
      hostIp: this.#context.node.hostIp,
      nowMs,
    });
    this.#status = status;
    const text = JSON.stringify(status);
    if (text === this.#published) return;
    this.#published = text;
    this.#recordBackOffs(before, status);
    // Of a pod that masters do not know any more there is nobody to tell.
    if (!this.#removed) this.#context.publish(this.#pod, status);
  }

  #recordBackOffs(before: PodStatus | undefined, after: PodStatus): void {
    const { namespace, name: podName, uid } = this.#pod.metadata;
    for (const { name, state } of [...(after.initContainerStatuses ?? []), ...(after.containerStatuses ?? [])]) {
      if (state?.waiting?.reason !== 'CrashLoopBackOff') continue;
      const previous = [...(before?.initContainerStatuses ?? []), ...(before?.containerStatuses ?? [])];
      if (previous.find((status) => status.name === name)?.state?.waiting?.reason === 'CrashLoopBackOff') continue;
      const where = `container ${name} in pod ${podName}_${namespace}(${uid})`;
      this.#event('Warning', 'BackOff', `Back-off restarting failed ${where}`);
    }
  }

  async #execute(step: Step): Promise<void> {
    const { runtime, storage } = this.#context;
    switch (step.do) {
      case 'prepare-volumes':
        return this.#prepareVolumes();
      case 'create-sandbox':
        return this.#createSandbox(step.attempt);
      case 'ensure-image':
        return this.#images.ensure(step.container, this.#pod);
      case 'start-container':
        return this.#startContainer(step);
      case 'resize':
        return this.#resize(step.containers);
      case 'stop-containers':
        for (const stop of step.stops) void this.#stopContainer(stop);
        return;
      case 'remove-containers':
        for (const id of step.ids) {
          await runtime.removeContainer(id);
          const removed = this.#seen.containers.find((container) => container.id === id);
          if (removed) await storage.removeRun(this.#pod.metadata, removed.name, removed.attempt);
        }
        return;
      case 'stop-sandbox':
        return runtime.stopSandbox(step.id);
      case 'remove-sandbox':
        return runtime.removeSandbox(step.id);
      case 'remove-data':
        await this.#context.cgroups?.remove(this.#pod.metadata.uid);
        await storage.remove(this.#pod.metadata);
        this.#hasData = false;
        return;
      case 'wait':
      case 'finished':
        return;
    }
  }

  async #prepareVolumes(): Promise<void> {
    this.#volumesStale = false;
    try {
      await this.#writeVolumes();
      this.#volumes = { state: 'ready' };
    } catch (error) {
      const failed = this.#volumes.state === 'failed' ? this.#volumes : undefined;
      const failure = this.#failure(failed, 'FailedMount', error);
      this.#volumes = { state: 'failed', ...failure };
      this.#event('Warning', 'FailedMount', `MountVolume.SetUp failed: ${failure.message}`);
    }
  }

  /** One at a time, in the worker's loop: two that write the same volume would undo each other. A running pod keeps what it has on failure. */
  async #refreshVolumes(): Promise<void> {
    const { clock, logger } = this.#context;
    this.#volumesStale = false;
    this.#cancelRefresh?.();
    try {
      await this.#writeVolumes();
      this.#refreshFailures = 0;
    } catch (error) {
      logger.debug({ err: error, pod: this.#name() }, 'volumes not refreshed');
      // The object's return will be told.
      if (error instanceof MissingObjectError) return;
      this.#refreshFailures++;
      this.#cancelRefresh = clock.setTimer(retryDelayMs(this.#refreshFailures), () => this.objectsChanged());
    }
  }

  async #writeVolumes(): Promise<void> {
    const { storage, tokens } = this.#context;
    const objects = this.#context.objects(this.#pod.metadata.namespace);
    const token = await tokens?.forPod(this.#pod);
    await storage.prepare(this.#pod, this.#fields(), token ? { ...objects, token } : objects);
  }

  async #createSandbox(attempt: number): Promise<void> {
    try {
      await this.#context.cgroups?.apply(this.#given());
      await this.#context.runtime.runSandbox(this.#sandboxSpec(attempt));
      this.#sandboxFailure = undefined;
    } catch (error) {
      this.#sandboxFailure = this.#failure(this.#sandboxFailure, 'FailedCreatePodSandBox', error);
      this.#event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${this.#sandboxFailure.message}`);
    }
  }

  #sandboxSpec(attempt: number) {
    const { node, storage, cgroups } = this.#context;
    const cgroupParent = cgroups?.parentOf(this.#given()) ?? '';
    const logDirectory = storage.logDirectory(this.#pod.metadata);
    return sandboxSpec(this.#given(), { ...node, attempt, cgroupParent, logDirectory });
  }

  /** The pod's own limits are widened first and narrowed at last, so that no container is held back in between. */
  async #resize(containers: StepOf<'resize'>['containers']): Promise<void> {
    const { runtime, cgroups, node } = this.#context;
    const given = this.#given();
    try {
      await cgroups?.widen(given);
      for (const { id, container } of containers) {
        await runtime.updateResources(id, containerResources(given, container, node.memoryBytes));
        this.#resources.note(id, container);
      }
      await cgroups?.apply(given);
      this.#resources.noteFailure(undefined);
      this.#event('Normal', 'ResizeCompleted', `Pod resize completed: ${resizeSummary(given)}`);
    } catch (error) {
      const failure = this.#failure(this.#resources.state.failure, 'ResizeError', error);
      this.#resources.noteFailure(failure);
      this.#event('Warning', 'ResizeError', `Pod resize error: ${failure.message}`);
    }
  }

  /** After a container was started anew with other amounts, and after a restart of the agent. */
  async #settleCgroup(): Promise<void> {
    if (!this.#seen.sandboxes[0]?.ready) return;
    await this.#context.cgroups?.apply(this.#given());
  }

  async #startContainer(step: StepOf<'start-container'>): Promise<void> {
    const { container, attempt, streak, kind, sandbox } = step;
    const { runtime, storage, node } = this.#context;
    const image = this.#images.states.get(container.name);
    if (image?.state !== 'present') return;
    let reason = 'CreateContainerConfigError';
    try {
      const env = containerEnv(container, this.#fields(), await this.#envObjects(container));
      const mounts = await storage.mounts({ pod: this.#pod, container, attempt, env, podIps: this.#ips() });
      const targetId = this.#targetOf(container);
      const context = {
        attempt,
        streak,
        kind,
        image,
        env,
        mounts,
        targetId,
        seccompDir: node.seccompDir,
        nodeMemoryBytes: node.memoryBytes,
      };
      const spec = containerSpec(this.#given(), container, context);
      reason = 'CreateContainerError';
      // Before anything of the pod runs: not one packet of it goes unchecked.
      await this.#context.protect?.(this.#pod, this.#ips());
      await this.#context.cgroups?.widen(this.#given());
      const id = await runtime.createContainer(sandbox.id, spec, this.#sandboxSpec(sandbox.attempt));
      this.#event('Normal', 'Created', `Created container: ${container.name}`);
      reason = 'RunContainerError';
      // Before it starts, so that no status shows it as started before its hook has run.
      if (container.lifecycle?.postStart) this.#starting.add(id);
      await runtime.startContainer(id);
      if (kind !== 'ephemeral') this.#resources.note(id, container);
      this.#event('Normal', 'Started', `Started container ${container.name}`);
      this.#startFailures.delete(container.name);
      if (container.lifecycle?.postStart) void this.#postStart(container, id);
    } catch (error) {
      const expected = error instanceof MissingObjectError || error instanceof RunAsNonRootError;
      const failure = this.#failure(this.#startFailures.get(container.name), reason, error);
      this.#startFailures.set(container.name, failure);
      this.#event('Warning', 'Failed', expected ? `Error: ${failure.message}` : `Error: ${reason}: ${failure.message}`);
    }
    this.#images.forget(container.name);
  }

  /** @throws Error when the container whose processes it is to see does not run. */
  #targetOf({ targetContainerName: name }: AnyContainer): string | undefined {
    if (!name) return undefined;
    const target = newestOf(this.#seen.containers, name);
    if (target?.state === 'running') return target.id;
    throw new MissingObjectError(`target container "${name}" is not running`);
  }

  /** What the container's environment is made of, files of volumes included. */
  async #envObjects(container: Container): Promise<PodObjects> {
    const files = new Map<string, string | undefined>();
    for (const { valueFrom } of container.env ?? []) {
      if (!valueFrom?.fileKeyRef) continue;
      const { volumeName, path } = valueFrom.fileKeyRef;
      files.set(`${volumeName}/${path}`, await this.#context.storage.volumeFile(this.#pod, volumeName, path));
    }
    const objects = this.#context.objects(this.#pod.metadata.namespace);
    return { ...objects, envFile: (volume, path) => files.get(`${volume}/${path}`) };
  }

  async #postStart(container: Container, containerId: string): Promise<void> {
    const { runtime, clock } = this.#context;
    const hook = container.lifecycle?.postStart ?? {};
    const target = { runtime, containerId, container, podIp: this.#ips()[0] ?? '' };
    const graceMs = this.#graceMs();
    if (hook.sleep)
      await new Promise<void>((resolve) => void clock.setTimer((hook.sleep?.seconds ?? 0) * 1000, resolve));
    else {
      const result = await runHandler(hook, target, graceMs);
      if (!result.ok) {
        this.#event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`);
        const message = 'FailedPostStartHook';
        await this.#stopContainer({ id: containerId, name: container.name, graceMs, message });
      }
    }
    this.#starting.delete(containerId);
    this.wake();
  }

  async #stopContainer({ id, name, graceMs, message }: Stop): Promise<void> {
    const { runtime, clock } = this.#context;
    const isHurry = this.#stopping.has(id);
    const entry = { deadlineMs: this.#nowMs() + graceMs };
    this.#stopping.set(id, entry);
    this.#event('Normal', 'Killing', `${message === 'Stopping container' ? `Stopping container ${name}` : message}`);
    const container = isHurry ? undefined : this.#specs().get(name);
    const onHookFailure = (why: string) => this.#event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${why}`);
    try {
      const target = { runtime, containerId: id, container, podIp: this.#ips()[0] ?? '' };
      await stopContainer({ target, graceMs, clock, onHookFailure });
    } catch (error) {
      this.#context.logger.warn({ err: error, pod: this.#name(), container: name }, 'container not stopped');
      // Not at once again: the loop would spin while the runtime is down.
      await new Promise<void>((resolve) => void clock.setTimer(retryDelayMs(1), resolve));
    }
    if (this.#stopping.get(id) === entry) this.#stopping.delete(id);
    this.wake();
  }

  #noteEnding(): void {
    const { metadata, spec, status } = this.#pod;
    const nowMs = this.#nowMs();
    if (metadata.deletionTimestamp) {
      const graceS = metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
      const deadlineMs = nowMs + graceS * 1000;
      const current = this.#ending;
      if (current?.kind !== 'gone' || deadlineMs < current.deadlineMs) this.#ending = { kind: 'gone', deadlineMs };
      return;
    }
    if (this.#ending || (status?.phase !== 'Failed' && status?.phase !== 'Succeeded')) return;
    const { phase, reason = '', message = '' } = status;
    this.#ending = { kind: 'over', phase, reason, message, deadlineMs: nowMs + this.#graceMs() };
  }

  #noteDeadline(): void {
    const atMs = this.#activeDeadlineMs();
    if (atMs === undefined || this.#ending || this.#nowMs() < atMs) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#ending = {
      kind: 'over',
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message,
      deadlineMs: this.#nowMs() + this.#graceMs(),
    };
    this.#event('Normal', 'DeadlineExceeded', message);
  }

  #activeDeadlineMs(): number | undefined {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    const startTime = this.#status?.startTime;
    return seconds === undefined || startTime === undefined ? undefined : Date.parse(startTime) + seconds * 1000;
  }

  #reportGone(): void {
    if (this.#reportedGone) return;
    this.#reportedGone = true;
    this.#context.gone(this.#pod);
  }

  #fields(): FieldContext {
    const { node } = this.#context;
    return {
      pod: this.#given(),
      podIps: this.#ips(),
      hostIp: node.hostIp,
      nodeName: node.name,
      allocatable: node.allocatable,
    };
  }

  #failure(before: Failure | undefined, reason: string, error: unknown): Failure {
    const failures = (before?.failures ?? 0) + 1;
    this.#context.logger.warn(
      { err: error, pod: this.#name(), reason, failures },
      'pod step failed, will be tried again',
    );
    return { reason, message: text(error), failures, retryAtMs: this.#nowMs() + retryDelayMs(failures) };
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recordEvent(this.#pod, type, reason, message.slice(0, MAX_EVENT_MESSAGE_CHARS));
  }

  #specs(): Map<string, Container> {
    return new Map(allContainers(this.#pod).map((container) => [container.name, container]));
  }

  #graceMs(): number {
    return (this.#pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S) * 1000;
  }

  #name(): string {
    return `${this.#pod.metadata.namespace}/${this.#pod.metadata.name}`;
  }

  #nowMs(): number {
    return this.#context.clock.nowMs();
  }

  async #sleep(untilMs: number | undefined): Promise<void> {
    const deadline = this.#ending ? undefined : this.#activeDeadlineMs();
    const atMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, deadline ?? Number.POSITIVE_INFINITY);
    await this.#sleepFor(atMs - this.#nowMs());
  }

  /** Until woken, or for at most this long. */
  #sleepFor(delayMs: number): Promise<void> {
    if (this.#woken || this.#abandoned) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = Number.isFinite(delayMs)
        ? this.#context.clock.setTimer(Math.min(Math.max(0, delayMs), MAX_SLEEP_MS), () => this.#wakeUp?.())
        : undefined;
      this.#wakeUp = () => {
        cancel?.();
        this.#wakeUp = undefined;
        resolve();
      };
    });
  }
}

/** What of a pod's object matters here: our own status, coming back with every write, does not. */
function fingerprint({ metadata, spec, status }: WantedPod): string {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  const gates = (spec.readinessGates ?? []).map(
    ({ conditionType }) => status?.conditions?.find(({ type }) => type === conditionType)?.status,
  );
  return JSON.stringify([spec, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, gates]);
}

/** For events. */
function resizeSummary({ metadata, spec }: WantedPod): string {
  const containers = [...(spec.initContainers ?? []), ...spec.containers].map(({ name, resources }) => ({
    name,
    resources,
  }));
  return JSON.stringify({ containers, generation: metadata.generation });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
