/**
 * A runtime without processes: pods get addresses from the node's range and are reported as running after about as long as containerd takes
 * (lab figures). For scale tests, and for machines on which containers cannot run.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import {
  type ContainerSpec,
  type ExecResult,
  type Listing,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type RuntimeImage,
  type RuntimeStatus,
  runtimeLabels,
  type Sandbox,
  type SandboxSpec,
} from '../runtime.ts';
import type { Delays } from './delays.ts';

const RUN_SANDBOX_MS = 100;
const CREATE_CONTAINER_MS = 26;
const START_CONTAINER_MS = 68;
const STOP_CONTAINER_MS = 46;
/** As in pod/types.ts; the runtime is below it. */
const KIND_ANNOTATION = 'dev.trimast.container.kind';
/** What a process that was told to end (TERM) exits with. */
const TERMINATED_EXIT_CODE = 143;

interface HollowSandbox {
  sandbox: Sandbox;
  readonly ip: string;
}

export interface HollowRuntime extends Runtime {
  /** Pods can be started from now on. */
  setPodCidr(podCidr: string): void;
}

export function createHollowRuntime(clock: Clock, delays: Delays): HollowRuntime {
  return new InMemoryRuntime(clock, delays);
}

class InMemoryRuntime implements HollowRuntime {
  readonly kind = 'hollow';
  readonly #clock: Clock;
  readonly #delays: Delays;
  readonly #pods = new Map<
    string,
    { sandboxes: Map<string, HollowSandbox>; containers: Map<string, RuntimeContainer> }
  >();
  readonly #podOf = new Map<string, string>();
  readonly #usedIps = new Set<string>();
  #range: { base: number; size: number } | undefined;
  #nextIp = 0;

  constructor(clock: Clock, delays: Delays) {
    this.#clock = clock;
    this.#delays = delays;
  }

  setPodCidr(podCidr: string): void {
    const [address = '', bits = '24'] = podCidr.split('/');
    const base = address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
    this.#range = { base, size: 2 ** (32 - Number(bits)) };
  }

  async version(): Promise<{ name: string; version: string }> {
    return { name: 'hollow', version: '1' };
  }

  async status(): Promise<RuntimeStatus> {
    const networkReady = this.#range !== undefined;
    return { ready: true, networkReady, message: networkReady ? '' : 'the node has no pod range yet' };
  }

  async list(podUid?: string): Promise<Listing> {
    const pods =
      podUid === undefined ? [...this.#pods.values()] : [this.#pods.get(podUid)].filter((pod) => pod !== undefined);
    return {
      sandboxes: pods.flatMap((pod) => [...pod.sandboxes.values()].map(({ sandbox }) => sandbox)),
      containers: pods.flatMap((pod) => [...pod.containers.values()]),
    };
  }

  async containerStatus(id: string): Promise<RuntimeContainer> {
    return this.#container(id);
  }

  async sandboxIps(id: string): Promise<string[]> {
    const { ip } = this.#sandbox(id);
    return ip === '' ? [] : [ip];
  }

  async runSandbox(spec: SandboxSpec): Promise<string> {
    const ip = spec.namespaces.hostNetwork ? '' : this.#allocateIp();
    await this.#delays.wait(RUN_SANDBOX_MS);
    const id = newId();
    const sandbox: Sandbox = {
      id,
      pod: spec.pod,
      attempt: spec.attempt,
      ready: true,
      createdAtMs: this.#clock.nowMs(),
    };
    let pod = this.#pods.get(spec.pod.uid);
    if (!pod) {
      pod = { sandboxes: new Map(), containers: new Map() };
      this.#pods.set(spec.pod.uid, pod);
    }
    pod.sandboxes.set(id, { sandbox, ip });
    this.#podOf.set(id, spec.pod.uid);
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    const pod = this.#pods.get(this.#podOf.get(id) ?? '');
    const entry = pod?.sandboxes.get(id);
    if (!pod || !entry) return;
    this.#usedIps.delete(entry.ip);
    pod.sandboxes.set(id, { sandbox: { ...entry.sandbox, ready: false }, ip: '' });
    for (const container of pod.containers.values()) {
      if (container.sandboxId === id && container.state !== 'exited') this.#end(container);
    }
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    const podUid = this.#podOf.get(id) ?? '';
    const pod = this.#pods.get(podUid);
    pod?.sandboxes.delete(id);
    this.#podOf.delete(id);
    if (pod && pod.sandboxes.size === 0 && pod.containers.size === 0) this.#pods.delete(podUid);
  }

  async createContainer(sandboxId: string, spec: ContainerSpec): Promise<string> {
    await this.#delays.wait(CREATE_CONTAINER_MS);
    this.#sandbox(sandboxId);
    const id = newId();
    this.#put({
      id,
      sandboxId,
      podUid: spec.labels[runtimeLabels.podUid] ?? '',
      name: spec.name,
      attempt: spec.attempt,
      state: 'created',
      createdAtMs: this.#clock.nowMs(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image: spec.image,
      imageId: spec.imageId,
      annotations: spec.annotations,
      logPath: '',
    });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#delays.wait(START_CONTAINER_MS);
    const container = this.#container(id);
    const isInit = container.annotations[KIND_ANNOTATION] === 'init';
    const nowMs = this.#clock.nowMs();
    const started: RuntimeContainer = { ...container, state: 'running', startedAtMs: nowMs };
    // An init container would run for ever otherwise, and its pod never start.
    this.#put(isInit ? { ...started, state: 'exited', finishedAtMs: nowMs, reason: 'Completed' } : started);
  }

  async updateResources(): Promise<void> {
    // There is no process to hold to anything.
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    await this.#delays.wait(Math.min(graceMs, STOP_CONTAINER_MS));
    const podUid = this.#podOf.get(id);
    const container = podUid === undefined ? undefined : this.#pods.get(podUid)?.containers.get(id);
    if (container && container.state !== 'exited') this.#end(container);
  }

  async removeContainer(id: string): Promise<void> {
    this.#pods.get(this.#podOf.get(id) ?? '')?.containers.delete(id);
    this.#podOf.delete(id);
  }

  async execSync(): Promise<ExecResult> {
    throw new RuntimeError('failed', 'a hollow node runs no processes');
  }

  async imageStatus(image: string): Promise<{ id: string }> {
    return { id: image };
  }

  async listImages(): Promise<RuntimeImage[]> {
    return [];
  }

  async removeImage(): Promise<void> {
    // There is none.
  }

  async imageFileSystem(): Promise<{ path: string; usedBytes: number }> {
    return { path: '/', usedBytes: 0 };
  }

  async writableLayers(): Promise<Map<string, { bytes: number; inodes: number }>> {
    return new Map();
  }

  async reopenLog(): Promise<void> {
    // Nothing is written.
  }

  async pullImage(): Promise<void> {
    return undefined;
  }

  watch(): void {
    // Nothing happens here that a worker has not asked for.
  }

  close(): void {
    this.#pods.clear();
  }

  #end(container: RuntimeContainer): void {
    this.#put({
      ...container,
      state: 'exited',
      finishedAtMs: this.#clock.nowMs(),
      exitCode: TERMINATED_EXIT_CODE,
      reason: 'Error',
    });
  }

  #put(container: RuntimeContainer): void {
    this.#podOf.set(container.id, container.podUid);
    this.#pods.get(container.podUid)?.containers.set(container.id, container);
  }

  #container(id: string): RuntimeContainer {
    const container = this.#pods.get(this.#podOf.get(id) ?? '')?.containers.get(id);
    if (!container) throw new RuntimeError('not-found', `container ${id} is gone`);
    return container;
  }

  #sandbox(id: string): HollowSandbox {
    const sandbox = this.#pods.get(this.#podOf.get(id) ?? '')?.sandboxes.get(id);
    if (!sandbox) throw new RuntimeError('not-found', `sandbox ${id} is gone`);
    return sandbox;
  }

  /** Round and round through the range, so that an address is not used again at once. */
  #allocateIp(): string {
    const range = this.#range;
    if (!range) throw new RuntimeError('failed', 'the node has no pod range yet');
    const usable = range.size - 3;
    for (let tries = 0; tries < usable; tries++) {
      const value = range.base + 2 + (this.#nextIp++ % usable);
      const ip = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
      if (this.#usedIps.has(ip)) continue;
      this.#usedIps.add(ip);
      return ip;
    }
    throw new RuntimeError('failed', 'no address is left in the range of the node');
  }
}

function newId(): string {
  return (randomUUID() + randomUUID()).replaceAll('-', '');
}
