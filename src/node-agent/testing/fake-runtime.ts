/** A runtime in memory that does at once what it is told, and lets a test end containers, break calls and read what was asked. For tests only. */
import {
  type ContainerResources,
  type ContainerSpec,
  type ExecResult,
  type Listing,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeImage,
  type RuntimeStatus,
  runtimeLabels,
  type Sandbox,
  type SandboxSpec,
} from '../runtime/runtime.ts';

export class FakeRuntime implements Runtime {
  readonly kind = 'fake';
  readonly calls: string[] = [];
  readonly specs = new Map<string, ContainerSpec>();
  readonly images = new Set<string>(['app:1']);
  readonly sandboxes = new Map<string, Sandbox>();
  readonly containers = new Map<string, RuntimeContainer>();
  /** Calls by name that fail. */
  readonly broken = new Map<string, Error>();
  /** Containers by name that take TERM as a hint only: they end when the grace period does. */
  readonly stubborn = new Set<string>();
  execExitCode = 0;
  listings = 0;
  nowMs: () => number;
  #listener: ((event: RuntimeEvent) => void) | undefined;
  #next = 0;
  readonly #kills = new Map<string, () => void>();

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Ends a container as its process would, and reports it. */
  exit(name: string, exitCode: number): void {
    const running = [...this.containers.values()].find((c) => c.name === name && c.state === 'running');
    if (!running) throw new Error(`no container "${name}" runs`);
    this.#end(running, exitCode);
    this.#listener?.({ id: running.id, kind: 'exited' });
  }

  /** Reports the end of a container first and shows it only later, as a loaded containerd does. Returns what shows it. */
  exitLate(name: string, exitCode: number): () => void {
    const running = [...this.containers.values()].find((c) => c.name === name && c.state === 'running');
    if (!running) throw new Error(`no container "${name}" runs`);
    this.#listener?.({ id: running.id, kind: 'exited' });
    return () => this.#end(running, exitCode);
  }

  /** Lets the grace period of a stubborn container end. */
  kill(name: string): void {
    const kill = this.#kills.get(name);
    this.#kills.delete(name);
    kill?.();
  }

  async version(): Promise<{ name: string; version: string }> {
    return { name: 'fake', version: '1' };
  }

  async status(): Promise<RuntimeStatus> {
    this.#note('status');
    return { ready: true, networkReady: true, message: '' };
  }

  async list(podUid?: string): Promise<Listing> {
    this.listings++;
    if (this.broken.has('list')) throw this.broken.get('list');
    const mine = (uid: string) => podUid === undefined || uid === podUid;
    return {
      sandboxes: [...this.sandboxes.values()].filter(({ pod }) => mine(pod.uid)),
      containers: [...this.containers.values()].filter((container) => mine(container.podUid)),
    };
  }

  async containerStatus(id: string): Promise<RuntimeContainer> {
    const container = this.containers.get(id);
    if (!container) throw new RuntimeError('not-found', id);
    return container;
  }

  async sandboxIps(): Promise<string[]> {
    return ['10.0.0.9'];
  }

  async runSandbox(spec: SandboxSpec): Promise<string> {
    this.#note(`run-sandbox ${spec.attempt}`);
    const id = `s${this.#next++}`;
    this.sandboxes.set(id, { id, pod: spec.pod, attempt: spec.attempt, ready: true, createdAtMs: this.nowMs() });
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    this.#note('stop-sandbox');
    const sandbox = this.sandboxes.get(id);
    if (sandbox) this.sandboxes.set(id, { ...sandbox, ready: false });
  }

  async removeSandbox(id: string): Promise<void> {
    this.#note('remove-sandbox');
    this.sandboxes.delete(id);
  }

  async createContainer(sandboxId: string, spec: ContainerSpec): Promise<string> {
    this.#note(`create ${spec.name} ${spec.attempt}`);
    const id = `c${this.#next++}`;
    this.specs.set(id, spec);
    this.containers.set(id, {
      id,
      sandboxId,
      podUid: spec.labels[runtimeLabels.podUid] ?? '',
      name: spec.name,
      attempt: spec.attempt,
      state: 'created',
      createdAtMs: this.nowMs(),
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
    const container = await this.containerStatus(id);
    this.#note(`start ${container.name} ${container.attempt}`);
    this.containers.set(id, { ...container, state: 'running', startedAtMs: this.nowMs() });
  }

  async updateResources(id: string, { cpuShares, memoryLimitBytes }: ContainerResources): Promise<void> {
    const { name } = await this.containerStatus(id);
    this.#note(`update-resources ${name} ${cpuShares} ${memoryLimitBytes}`);
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const container = await this.containerStatus(id);
    this.#note(`stop ${container.name} ${graceMs}`);
    if (this.stubborn.has(container.name) && graceMs > 0) {
      await new Promise<void>((resolve) => this.#kills.set(container.name, resolve));
    }
    this.#end(container, this.stubborn.has(container.name) ? 137 : 0);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.containers.get(id);
    if (container) this.#note(`remove ${container.name} ${container.attempt}`);
    this.containers.delete(id);
  }

  async execSync(_id: string, command: readonly string[]): Promise<ExecResult> {
    this.#note(`exec ${command.join(' ')}`);
    return { exitCode: this.execExitCode, stdout: Buffer.from(''), stderr: Buffer.from('') };
  }

  async imageStatus(image: string): Promise<{ id: string } | undefined> {
    return this.images.has(image) ? { id: `sha256:${image}` } : undefined;
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

  async pullImage(image: string): Promise<void> {
    this.#note(`pull ${image}`);
    this.images.add(image);
  }

  watch(onEvent: (event: RuntimeEvent) => void): void {
    this.#listener = onEvent;
  }

  close(): void {
    this.#listener = undefined;
  }

  #end(container: RuntimeContainer, exitCode: number): void {
    this.containers.set(container.id, { ...container, state: 'exited', exitCode, finishedAtMs: this.nowMs() });
  }

  #note(call: string): void {
    this.calls.push(call);
    const error = this.broken.get(call.split(' ')[0]!);
    if (error) throw error;
  }
}
