/** The runtime over CRI v1 on containerd's unix socket, with containerd's native event stream. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  type ContainerFilterSchema,
  ImageService,
  type PodSandboxFilterSchema,
  RuntimeService,
} from '../../../gen/runtime/v1/api_pb.ts';
import type { GrpcClient } from '../../../lib/grpc.ts';
import type { Logger } from '../../../lib/logger.ts';
import { containerdClient, grpcCode } from '../containerd-client.ts';
import {
  type ContainerResources,
  type ContainerSpec,
  type ExecResult,
  type Listing,
  type RegistryAuth,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type RuntimeErrorCode,
  type RuntimeEvent,
  type RuntimeImage,
  type RuntimeStatus,
  runtimeLabels,
  type SandboxSpec,
} from '../runtime.ts';
import { containerConfig, containerState, linuxResources, sandboxConfig, toContainer, toSandbox } from './convert.ts';
import { OrphanShims } from './orphan-shims.ts';
import { watchContainerdEvents } from './watch-events.ts';

const QUERY_TIMEOUT_MS = 10_000;
/** Creating and starting may wait for disk and CNI. */
const CHANGE_TIMEOUT_MS = 120_000;
const PULL_TIMEOUT_MS = 30 * 60_000;
/** How long containerd may take to kill after the grace period. */
const KILL_TIMEOUT_MS = 60_000;

export function createCriRuntime(socket: string, logger: Logger): Runtime {
  return new CriRuntime(socket, logger);
}

class CriRuntime implements Runtime {
  readonly kind = 'containerd';
  readonly #socket: string;
  readonly #logger: Logger;
  readonly #runtime: GrpcClient<typeof RuntimeService>;
  readonly #images: GrpcClient<typeof ImageService>;
  readonly #orphanShims: OrphanShims;

  constructor(socket: string, logger: Logger) {
    this.#socket = socket;
    this.#logger = logger;
    this.#runtime = containerdClient(RuntimeService, socket);
    this.#images = containerdClient(ImageService, socket);
    this.#orphanShims = new OrphanShims(socket, logger);
  }

  async version(): Promise<{ name: string; version: string }> {
    const answer = await this.#query('Version', RuntimeService.method.version, {});
    return { name: answer.runtimeName, version: answer.runtimeVersion };
  }

  async status(): Promise<RuntimeStatus> {
    const { status } = await this.#query('Status', RuntimeService.method.status, {});
    const condition = (type: string) => status?.conditions.find((candidate) => candidate.type === type);
    const runtime = condition('RuntimeReady');
    const network = condition('NetworkReady');
    const problems = [runtime, network].filter((c) => c && !c.status).map((c) => `${c?.reason}: ${c?.message}`);
    return { ready: runtime?.status === true, networkReady: network?.status === true, message: problems.join('; ') };
  }

  async list(podUid?: string): Promise<Listing> {
    const labelSelector = podUid === undefined ? {} : { [runtimeLabels.podUid]: podUid };
    const sandboxFilter: MessageInitShape<typeof PodSandboxFilterSchema> = { labelSelector };
    const containerFilter: MessageInitShape<typeof ContainerFilterSchema> = { labelSelector };
    const [sandboxes, containers] = await Promise.all([
      this.#query('ListPodSandbox', RuntimeService.method.listPodSandbox, { filter: sandboxFilter }),
      this.#query('ListContainers', RuntimeService.method.listContainers, { filter: containerFilter }),
    ]);
    return {
      sandboxes: sandboxes.items.map(toSandbox),
      containers: containers.containers.map((item) => ({
        id: item.id,
        sandboxId: item.podSandboxId,
        podUid: item.labels[runtimeLabels.podUid] ?? '',
        name: item.metadata?.name ?? '',
        attempt: item.metadata?.attempt ?? 0,
        state: containerState(item.state),
      })),
    };
  }

  async containerStatus(id: string): Promise<RuntimeContainer> {
    const [{ status }, { containers }] = await Promise.all([
      this.#query('ContainerStatus', RuntimeService.method.containerStatus, { containerId: id }),
      this.#query('ListContainers', RuntimeService.method.listContainers, { filter: { id } }),
    ]);
    if (!status) throw new RuntimeError('not-found', `container ${id} is gone`);
    return toContainer(status, containers[0]?.podSandboxId ?? '');
  }

  async sandboxIps(id: string): Promise<string[]> {
    const { status } = await this.#query('PodSandboxStatus', RuntimeService.method.podSandboxStatus, {
      podSandboxId: id,
    });
    const network = status?.network;
    if (!network || network.ip === '') return [];
    return [network.ip, ...network.additionalIps.map(({ ip }) => ip)];
  }

  async runSandbox(spec: SandboxSpec): Promise<string> {
    const answer = await this.#change('RunPodSandbox', RuntimeService.method.runPodSandbox, {
      config: sandboxConfig(spec),
    });
    return answer.podSandboxId;
  }

  async stopSandbox(id: string): Promise<void> {
    await this.#gone(this.#change('StopPodSandbox', RuntimeService.method.stopPodSandbox, { podSandboxId: id }));
  }

  async removeSandbox(id: string): Promise<void> {
    await this.#gone(this.#change('RemovePodSandbox', RuntimeService.method.removePodSandbox, { podSandboxId: id }));
  }

  async createContainer(sandboxId: string, spec: ContainerSpec, sandbox: SandboxSpec): Promise<string> {
    const answer = await this.#change('CreateContainer', RuntimeService.method.createContainer, {
      podSandboxId: sandboxId,
      config: containerConfig(spec, sandbox.namespaces),
      sandboxConfig: sandboxConfig(sandbox),
    });
    return answer.containerId;
  }

  async startContainer(id: string): Promise<void> {
    await this.#change('StartContainer', RuntimeService.method.startContainer, { containerId: id });
  }

  async updateResources(id: string, resources: ContainerResources): Promise<void> {
    await this.#change('UpdateContainerResources', RuntimeService.method.updateContainerResources, {
      containerId: id,
      linux: linuxResources(resources),
    });
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const timeout = BigInt(Math.ceil(graceMs / 1000));
    const deadlineMs = graceMs + KILL_TIMEOUT_MS;
    await this.#gone(
      this.#call('StopContainer', deadlineMs, (deadline) =>
        this.#runtime.unary(RuntimeService.method.stopContainer, { containerId: id, timeout }, { deadline }),
      ),
    );
  }

  async removeContainer(id: string): Promise<void> {
    await this.#gone(this.#change('RemoveContainer', RuntimeService.method.removeContainer, { containerId: id }));
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const timeout = BigInt(Math.max(1, Math.ceil(timeoutMs / 1000)));
    // A little more than the runtime's own limit, so that its answer, which says more, comes first.
    return this.#call('ExecSync', timeoutMs + 2_000, (deadline) =>
      this.#runtime.unary(
        RuntimeService.method.execSync,
        { containerId: id, cmd: [...command], timeout },
        { deadline },
      ),
    );
  }

  async imageStatus(image: string): Promise<{ id: string; user?: number; username?: string } | undefined> {
    const answer = await this.#call('ImageStatus', QUERY_TIMEOUT_MS, (deadline) =>
      this.#images.unary(ImageService.method.imageStatus, { image: { image } }, { deadline }),
    );
    if (!answer.image) return undefined;
    const { id, uid, username } = answer.image;
    return { id, ...(uid && { user: Number(uid.value) }), ...(username !== '' && { username }) };
  }

  async listImages(): Promise<RuntimeImage[]> {
    const { images } = await this.#imageCall('ListImages', ImageService.method.listImages, {});
    return images.map(({ id, repoTags, repoDigests, size, pinned }) => ({
      id,
      tags: repoTags,
      digests: repoDigests,
      sizeBytes: Number(size),
      pinned,
    }));
  }

  async removeImage(id: string): Promise<void> {
    await this.#gone(this.#imageCall('RemoveImage', ImageService.method.removeImage, { image: { image: id } }));
  }

  async imageFileSystem(): Promise<{ path: string; usedBytes: number }> {
    const answer = await this.#imageCall('ImageFsInfo', ImageService.method.imageFsInfo, {});
    const [found] = answer.imageFilesystems;
    return { path: found?.fsId?.mountpoint ?? '/', usedBytes: Number(found?.usedBytes?.value ?? 0n) };
  }

  async writableLayers(): Promise<Map<string, { bytes: number; inodes: number }>> {
    const { stats } = await this.#query('ListContainerStats', RuntimeService.method.listContainerStats, {});
    return new Map(
      stats.map(({ attributes, writableLayer }) => [
        attributes?.id ?? '',
        {
          bytes: Number(writableLayer?.usedBytes?.value ?? 0n),
          inodes: Number(writableLayer?.inodesUsed?.value ?? 0n),
        },
      ]),
    );
  }

  async endForgotten(): Promise<void> {
    const { items } = await this.#query('ListPodSandbox', RuntimeService.method.listPodSandbox, {});
    await this.#orphanShims.look(new Set(items.map(({ id }) => id)));
  }

  async reopenLog(id: string): Promise<void> {
    await this.#query('ReopenContainerLog', RuntimeService.method.reopenContainerLog, { containerId: id });
  }

  async pullImage(image: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.#images.unary(
        ImageService.method.pullImage,
        { image: { image }, ...(auth && { auth }) },
        { deadline: Date.now() + PULL_TIMEOUT_MS, signal },
      );
    } catch (cause) {
      if (grpcCode(cause) === grpc.status.UNAVAILABLE) throw runtimeError('PullImage', cause);
      throw new RuntimeError('image-pull', details(cause), { cause });
    }
  }

  watch(onEvent: (event: RuntimeEvent) => void, signal: AbortSignal): void {
    watchContainerdEvents(this.#socket, onEvent, signal, this.#logger);
  }

  close(): void {
    this.#runtime.close();
    this.#images.close();
  }

  #imageCall<I extends DescMessage, O extends DescMessage>(
    name: string,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return this.#call(name, QUERY_TIMEOUT_MS, (deadline) => this.#images.unary(method, request, { deadline }));
  }

  #query<I extends DescMessage, O extends DescMessage>(
    name: string,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return this.#call(name, QUERY_TIMEOUT_MS, (deadline) => this.#runtime.unary(method, request, { deadline }));
  }

  #change<I extends DescMessage, O extends DescMessage>(
    name: string,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return this.#call(name, CHANGE_TIMEOUT_MS, (deadline) => this.#runtime.unary(method, request, { deadline }));
  }

  async #call<T>(name: string, timeoutMs: number, call: (deadline: number) => Promise<T>): Promise<T> {
    try {
      return await call(Date.now() + timeoutMs);
    } catch (error) {
      throw runtimeError(name, error);
    }
  }

  /** Stopping or removing what is gone is done. */
  async #gone(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!(error instanceof RuntimeError && error.code === 'not-found')) throw error;
    }
  }
}

function details(error: unknown): string {
  return error instanceof Error && 'details' in error && typeof error.details === 'string' && error.details !== ''
    ? error.details
    : String(error);
}

const CODES: Partial<Record<grpc.status, RuntimeErrorCode>> = {
  [grpc.status.UNAVAILABLE]: 'unavailable',
  [grpc.status.NOT_FOUND]: 'not-found',
  [grpc.status.DEADLINE_EXCEEDED]: 'timeout',
};

function runtimeError(call: string, cause: unknown): RuntimeError {
  const code = grpcCode(cause);
  const known = code === undefined ? undefined : CODES[code];
  return new RuntimeError(known ?? 'failed', `${call}: ${details(cause)}`, { cause });
}
