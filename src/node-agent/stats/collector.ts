/**
 * What this node, its pods and their containers use. CPU rates need two samples: while somebody asks, one is taken every
 * {@link SAMPLE_INTERVAL_MS}; nobody has asked for a while: none. Disk usage is only walked when it is asked for, and not twice within
 * {@link DISK_INTERVAL_MS}.
 */
import type { Clock } from '../../lib/clock.ts';
import type { PodCgroups } from '../cgroups/cgroups.ts';
import type { CgroupUsage } from '../cgroups/usage.ts';
import type { PodUsage } from '../eviction/rank.ts';
import { containerLogPath } from '../pod/container-spec.ts';
import { rfc3339 } from '../pod/status.ts';
import type { WantedPod } from '../pod/types.ts';
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts';
import type { PodStorage } from '../volumes/pod-storage.ts';
import { type DiskUsage, diskUsage, fileSystemUsage } from './disk-usage.ts';
import { readInterfaces, readMachineMemory, readProcesses } from './proc.ts';
import type {
  ContainerStats,
  CpuStats,
  FsStats,
  InterfaceStats,
  MemoryStats,
  NetworkStats,
  PodStats,
  Summary,
} from './summary.ts';

const SAMPLE_INTERVAL_MS = 15_000;
/** The first question waits for its second sample this long. */
const FIRST_INTERVAL_MS = 1_000;
/** Without a question for this long sampling ends. */
const IDLE_AFTER_MS = 300_000;
const DISK_INTERVAL_MS = 30_000;

export interface SampledPod {
  readonly pod: WantedPod;
  readonly sandbox: Sandbox | undefined;
  /** Those that run. */
  readonly containers: readonly RuntimeContainer[];
  readonly startedAtMs: number;
}

export interface CollectorOptions {
  readonly nodeName: string;
  readonly bootedAtMs: number;
  readonly cgroups: PodCgroups;
  readonly storage: PodStorage;
  readonly dataDir: string;
  readonly pods: () => Iterable<SampledPod>;
  /** Where images and writable layers lie. */
  readonly imageFileSystem: () => Promise<{ readonly path: string; readonly usedBytes: number }>;
  /** Bytes in the writable layers of running containers, by id. */
  readonly writableLayers: () => Promise<ReadonlyMap<string, DiskUsage>>;
  readonly clock: Clock;
}

interface Sample {
  readonly atMs: number;
  readonly cpuNs: ReadonlyMap<string, number>;
}

export class StatsCollector {
  readonly #options: CollectorOptions;
  #before: Sample | undefined;
  #last: Sample | undefined;
  #askedAtMs = 0;
  #cancelTimer: (() => void) | undefined;
  #starting: Promise<void> | undefined;
  #stopped = false;
  readonly #disk = new Map<string, { readonly atMs: number; readonly usage: DiskUsage }>();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  /** Without disks and networks when only CPU and memory are asked for. */
  async summary(onlyCpuAndMemory: boolean): Promise<Summary> {
    await this.#begin();
    const { pods, storage, writableLayers } = this.#options;
    const layers = onlyCpuAndMemory ? new Map<string, DiskUsage>() : await writableLayers().catch(() => new Map());
    const samples = [...pods()];
    const found: PodStats[] = [];
    for (const sampled of samples) {
      const stats = await this.#pod(sampled, onlyCpuAndMemory ? undefined : { storage, layers });
      if (stats) found.push(stats);
    }
    this.#forgetDisks(samples);
    return { node: await this.#node(onlyCpuAndMemory), pods: found };
  }

  /** What one pod uses now, for evictions. Undefined when it has no cgroup. */
  async usageOf(sampled: SampledPod): Promise<PodUsage | undefined> {
    const { storage, writableLayers } = this.#options;
    const stats = await this.#pod(sampled, { storage, layers: await writableLayers() });
    if (!stats) return undefined;
    const volumes = stats.volume ?? [];
    return {
      pod: sampled.pod,
      memoryBytes: stats.memory?.workingSetBytes ?? 0,
      diskBytes: stats['ephemeral-storage']?.usedBytes ?? 0,
      inodes: volumes.reduce((sum, { inodesUsed = 0 }) => sum + inodesUsed, 0),
      processes: stats.process_stats?.process_count ?? 0,
      containers: stats.containers.map(({ name, memory, rootfs, logs }) => ({
        name,
        memoryBytes: memory.workingSetBytes,
        diskBytes: (rootfs?.usedBytes ?? 0) + (logs?.usedBytes ?? 0),
      })),
      volumeBytes: new Map(volumes.map(({ name, usedBytes = 0 }) => [name, usedBytes])),
    };
  }

  /** What lies on the node's disk for the pod, walked at most every {@link DISK_INTERVAL_MS}. */
  async podDisk(pod: WantedPod): Promise<{ volumes: Map<string, DiskUsage>; logs: DiskUsage }> {
    const { storage } = this.#options;
    const volumes = new Map<string, DiskUsage>();
    for (const volume of pod.spec.volumes ?? []) {
      const folder = storage.localVolume(pod, volume);
      if (folder !== undefined) volumes.set(volume.name, await this.#walk(folder));
    }
    return { volumes, logs: await this.#walk(storage.logDirectory(pod.metadata)) };
  }

  /** Makes sure that there are two samples, and goes on taking more. */
  async #begin(): Promise<void> {
    this.#askedAtMs = this.#options.clock.monotonicMs();
    if (this.#before && this.#cancelTimer) return;
    this.#starting ??= this.#firstSamples().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  async #firstSamples(): Promise<void> {
    await this.#take();
    await new Promise<void>((resolve) => void this.#options.clock.setTimer(FIRST_INTERVAL_MS, resolve));
    await this.#take();
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#stopped || clock.monotonicMs() - this.#askedAtMs > IDLE_AFTER_MS) return;
    this.#cancelTimer = clock.setTimer(SAMPLE_INTERVAL_MS, () => void this.#take().finally(() => this.#schedule()));
  }

  async #take(): Promise<void> {
    const { pods, cgroups, clock } = this.#options;
    const cpuNs = new Map<string, number>();
    const note = (key: string, usage: CgroupUsage | undefined) => usage && cpuNs.set(key, usage.cpuNs);
    cpuNs.set('node', await cgroups.machineCpuNs());
    for (const { pod, containers } of pods()) {
      note(pod.metadata.uid, await cgroups.usage(pod));
      for (const { id } of containers) note(id, await cgroups.usage(pod, id));
    }
    this.#before = this.#last;
    this.#last = { atMs: clock.monotonicMs(), cpuNs };
  }

  async #pod(
    { pod, sandbox, containers, startedAtMs }: SampledPod,
    disks: { storage: PodStorage; layers: ReadonlyMap<string, DiskUsage> } | undefined,
  ): Promise<PodStats | undefined> {
    const { cgroups, clock } = this.#options;
    const time = rfc3339(clock.nowMs());
    const usage = await cgroups.usage(pod);
    if (!usage) return undefined;
    const { name, namespace, uid } = pod.metadata;
    const stats: ContainerStats[] = [];
    for (const container of containers) {
      const own = await cgroups.usage(pod, container.id);
      const limit = pod.spec.containers.find((one) => one.name === container.name)?.resources?.limits?.memory;
      if (own) stats.push(await this.#container(pod, container, own, limit !== undefined, disks, time));
    }
    const disk = disks && (await this.podDisk(pod));
    const pid = sandbox && disks && !pod.spec.hostNetwork ? await cgroups.firstProcess(pod, sandbox.id) : undefined;
    const interfaces = pid === undefined ? [] : await readInterfaces(pid);
    const layerBytes = stats.reduce((sum, { rootfs }) => sum + (rootfs?.usedBytes ?? 0), 0);
    const volumeUsages = disk ? [...disk.volumes] : [];
    const total = layerBytes + (disk?.logs.bytes ?? 0) + volumeUsages.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    return {
      podRef: { name, namespace, uid },
      startTime: rfc3339(startedAtMs),
      containers: stats,
      cpu: this.#cpu(uid, usage.cpuNs, time),
      memory: memoryStats(usage, time),
      ...(interfaces.length > 0 && { network: networkStats(interfaces, time) }),
      ...(disk && {
        volume: volumeUsages.map(([volume, of]) => ({ name: volume, ...fsStats(of, time) })),
        'ephemeral-storage': { time, usedBytes: total },
      }),
      process_stats: { process_count: usage.processes },
    };
  }

  async #container(
    pod: WantedPod,
    container: RuntimeContainer,
    usage: CgroupUsage,
    isLimited: boolean,
    disks: { storage: PodStorage; layers: ReadonlyMap<string, DiskUsage> } | undefined,
    time: string,
  ): Promise<ContainerStats> {
    const limit = isLimited ? await this.#options.cgroups.memoryLimit(pod, container.id) : undefined;
    const layer = disks?.layers.get(container.id);
    const log =
      disks && `${disks.storage.logDirectory(pod.metadata)}/${containerLogPath(container.name, container.attempt)}`;
    return {
      name: container.name,
      startTime: rfc3339(container.startedAtMs),
      cpu: this.#cpu(container.id, usage.cpuNs, time),
      memory: {
        ...memoryStats(usage, time),
        ...(limit !== undefined && { availableBytes: Math.max(0, limit - usage.workingSetBytes) }),
      },
      ...(layer && { rootfs: fsStats(layer, time) }),
      ...(log !== undefined && { logs: fsStats(await diskUsage(log), time) }),
    };
  }

  #cpu(key: string, cpuNs: number, time: string): CpuStats {
    const [last, before] = [this.#last, this.#before];
    const [now, then] = [last?.cpuNs.get(key), before?.cpuNs.get(key)];
    if (!last || !before || now === undefined || then === undefined) return { time, usageCoreNanoSeconds: cpuNs };
    const usageNanoCores = Math.max(0, Math.round(((now - then) * 1000) / (last.atMs - before.atMs)));
    return { time, usageNanoCores, usageCoreNanoSeconds: cpuNs };
  }

  async #node(onlyCpuAndMemory: boolean): Promise<Summary['node']> {
    const { nodeName, bootedAtMs, cgroups, clock, dataDir, imageFileSystem } = this.#options;
    const time = rfc3339(clock.nowMs());
    const [cpuNs, memory] = await Promise.all([cgroups.machineCpuNs(), readMachineMemory()]);
    const basic = {
      nodeName,
      startTime: rfc3339(bootedAtMs),
      cpu: this.#cpu('node', cpuNs, time),
      memory: {
        time,
        availableBytes: Math.max(0, memory.totalBytes - memory.workingSetBytes),
        usageBytes: memory.usageBytes,
        workingSetBytes: memory.workingSetBytes,
        rssBytes: memory.rssBytes,
      },
    };
    if (onlyCpuAndMemory) return basic;
    const [own, processes, interfaces] = await Promise.all([
      fileSystemUsage(dataDir),
      readProcesses(),
      readInterfaces('self'),
    ]);
    const image = await imageFileSystem().catch(() => undefined);
    const imageFs = image && (await fileSystemUsage(image.path).catch(() => undefined));
    const used = ({ capacityBytes, availableBytes, inodes, inodesFree }: typeof own) => ({
      usedBytes: capacityBytes - availableBytes,
      inodesUsed: inodes - inodesFree,
    });
    return {
      ...basic,
      ...(interfaces.length > 0 && { network: networkStats(interfaces, time) }),
      fs: { time, ...own, ...used(own) },
      ...(image && imageFs && { runtime: { imageFs: { time, ...imageFs, usedBytes: image.usedBytes } } }),
      rlimit: { time, maxpid: processes.max, curproc: processes.current },
    };
  }

  async #walk(folder: string): Promise<DiskUsage> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#disk.get(folder);
    if (known && nowMs - known.atMs < DISK_INTERVAL_MS) return known.usage;
    const usage = await diskUsage(folder);
    this.#disk.set(folder, { atMs: nowMs, usage });
    return usage;
  }

  #forgetDisks(pods: readonly SampledPod[]): void {
    const uids = pods.map(({ pod }) => pod.metadata.uid);
    for (const folder of this.#disk.keys()) {
      if (!uids.some((uid) => folder.includes(uid))) this.#disk.delete(folder);
    }
  }
}

function memoryStats(usage: CgroupUsage, time: string): MemoryStats {
  return {
    time,
    usageBytes: usage.memoryBytes,
    workingSetBytes: usage.workingSetBytes,
    rssBytes: usage.rssBytes,
    pageFaults: usage.pageFaults,
    majorPageFaults: usage.majorPageFaults,
  };
}

function fsStats({ bytes, inodes }: DiskUsage, time: string): FsStats {
  return { time, usedBytes: bytes, inodesUsed: inodes };
}

/** The first interface stands for all in the fields of its own. */
function networkStats(interfaces: readonly InterfaceStats[], time: string): NetworkStats {
  return { time, ...interfaces[0]!, interfaces };
}
