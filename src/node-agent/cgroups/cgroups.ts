/**
 * Makes and removes the cgroups of pods, v1 and v2. What the runtime makes below them is its own; what is left over when a pod is gone is removed
 * here, leftovers of its containers included.
 */
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { qosClass } from '../../api/kinds/pod/qos.ts';
import { podRequests } from '../../api/meta/pod-resources.ts';
import { CPU_PERIOD_US, cpuShares } from '../pod/qos.ts';
import type { WantedPod } from '../pod/types.ts';
import {
  type CgroupLimits,
  classCgroup,
  cpuWeight,
  largerLimits,
  podCgroup,
  podLimitsOf,
  podOfCgroup,
  podsCgroup,
} from './cgroup-plan.ts';
import { type CgroupUsage, readCgroupUsage, readMachineCpuNs } from './usage.ts';

export interface PodCgroups {
  /** What the runtime is told as the parent of the pod's sandbox. */
  parentOf(pod: WantedPod): string;
  /** Makes the pod's cgroup and holds it to what the pod has been given. @throws Error */
  apply(pod: WantedPod): Promise<void>;
  /** The same, but never less than before: until {@link apply}. @throws Error */
  widen(pod: WantedPod): Promise<void>;
  /** Ends what still runs in it and removes it. @throws Error when it cannot be removed yet. */
  remove(podUid: string): Promise<void>;
  /** Uids of pods that have a cgroup. */
  list(): Promise<string[]>;
  /** Of the pod, or of one of its containers or its sandbox. Undefined when it has no cgroup. */
  usage(pod: WantedPod, containerId?: string): Promise<CgroupUsage | undefined>;
  /** Undefined: as much as the machine has. */
  memoryLimit(pod: WantedPod, containerId: string): Promise<number | undefined>;
  firstProcess(pod: WantedPod, containerId: string): Promise<number | undefined>;
  machineCpuNs(): Promise<number>;
}

export interface CgroupsOptions {
  /** Of all pods of this node, beginning with a slash. */
  readonly parent: string;
  /** Processes that one pod may have. */
  readonly podPidsLimit: number;
  readonly nodeCpuMilli: number;
  /** Default: the machine's. */
  readonly root?: string;
}

/** Those in which a v1 tree gets our limits; the runtime makes folders in more of them. */
const LIMITED = ['cpu', 'memory', 'pids'] as const;
const V2_CONTROLLERS = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
/** A process that was killed needs a moment until its cgroup is empty. */
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 25;

export async function createCgroups(options: CgroupsOptions): Promise<PodCgroups> {
  const root = options.root ?? '/sys/fs/cgroup';
  const isV2 = await exists(join(root, 'cgroup.controllers'));
  const cgroups = new Cgroups(options, root, isV2);
  await cgroups.start();
  return cgroups;
}

class Cgroups implements PodCgroups {
  readonly #options: CgroupsOptions;
  readonly #root: string;
  readonly #isV2: boolean;
  readonly #applied = new Map<
    string,
    { readonly folder: string; readonly limits: CgroupLimits; burstableMilli: number }
  >();
  #burstableShares = 0;

  constructor(options: CgroupsOptions, root: string, isV2: boolean) {
    this.#options = options;
    this.#root = root;
    this.#isV2 = isV2;
  }

  async start(): Promise<void> {
    const { parent, nodeCpuMilli } = this.#options;
    const none = { cpuQuotaUs: 0, memoryBytes: 0, pids: 0 };
    await this.#make(podsCgroup(parent), { ...none, cpuShares: cpuShares(nodeCpuMilli) });
    await this.#make(classCgroup(parent, 'Burstable'), { ...none, cpuShares: cpuShares(0) });
    await this.#make(classCgroup(parent, 'BestEffort'), { ...none, cpuShares: cpuShares(0) });
  }

  parentOf(pod: WantedPod): string {
    return podCgroup(this.#options.parent, pod);
  }

  async apply(pod: WantedPod): Promise<void> {
    await this.#set(pod, podLimitsOf(pod, this.#options.podPidsLimit));
  }

  async widen(pod: WantedPod): Promise<void> {
    const before = this.#applied.get(pod.metadata.uid)?.limits;
    const wanted = podLimitsOf(pod, this.#options.podPidsLimit);
    await this.#set(pod, before ? largerLimits(before, wanted) : wanted);
  }

  async remove(podUid: string): Promise<void> {
    for (const folder of await this.#foldersOf(podUid)) await this.#removeTree(folder);
    this.#applied.delete(podUid);
    await this.#shareBurstable();
  }

  async list(): Promise<string[]> {
    const uids = new Set<string>();
    for (const base of this.#bases()) {
      for (const name of await namesIn(base)) {
        const uid = podOfCgroup(name);
        if (uid !== undefined) uids.add(uid);
      }
    }
    return [...uids];
  }

  async usage(pod: WantedPod, containerId?: string): Promise<CgroupUsage | undefined> {
    const folder = containerId === undefined ? this.parentOf(pod) : join(this.parentOf(pod), containerId);
    return readCgroupUsage(this.#root, this.#isV2, folder);
  }

  async memoryLimit(pod: WantedPod, containerId: string): Promise<number | undefined> {
    const folder = join(this.parentOf(pod), containerId);
    const path = this.#isV2 ? join(folder, 'memory.max') : join('memory', folder, 'memory.limit_in_bytes');
    const limit = Number((await readFile(join(this.#root, path), 'utf8').catch(() => 'max')).trim());
    return Number.isSafeInteger(limit) ? limit : undefined;
  }

  async firstProcess(pod: WantedPod, containerId: string): Promise<number | undefined> {
    const folder = join(this.parentOf(pod), containerId, 'cgroup.procs');
    const path = join(this.#root, this.#isV2 ? '' : 'pids', folder);
    const [first = ''] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
    return first === '' ? undefined : Number(first);
  }

  machineCpuNs(): Promise<number> {
    return readMachineCpuNs(this.#root, this.#isV2);
  }

  async #set(pod: WantedPod, limits: CgroupLimits): Promise<void> {
    const folder = this.parentOf(pod);
    const { uid } = pod.metadata;
    const before = this.#applied.get(uid);
    if (before && JSON.stringify(before.limits) === JSON.stringify(limits)) return;
    await this.#make(folder, limits);
    const burstableMilli = qosClass(pod) === 'Burstable' ? (podRequests(pod.spec).get('cpu') ?? 0) : 0;
    this.#applied.set(uid, { folder, limits, burstableMilli });
    await this.#shareBurstable();
  }

  async #shareBurstable(): Promise<void> {
    let milli = 0;
    for (const { burstableMilli } of this.#applied.values()) milli += burstableMilli;
    const shares = cpuShares(milli);
    if (shares === this.#burstableShares) return;
    this.#burstableShares = shares;
    await this.#writeShares(classCgroup(this.#options.parent, 'Burstable'), shares);
  }

  async #make(folder: string, limits: CgroupLimits): Promise<void> {
    if (this.#isV2) await this.#makeV2(folder, limits);
    else await this.#makeV1(folder, limits);
  }

  async #makeV1(folder: string, limits: CgroupLimits): Promise<void> {
    for (const controller of LIMITED) {
      if (!(await exists(join(this.#root, controller)))) continue;
      await mkdir(join(this.#root, controller, folder), { recursive: true });
    }
    await this.#writeShares(folder, limits.cpuShares);
    const cpu = join(this.#root, 'cpu', folder);
    await write(join(cpu, 'cpu.cfs_period_us'), CPU_PERIOD_US);
    await write(join(cpu, 'cpu.cfs_quota_us'), limits.cpuQuotaUs === 0 ? -1 : limits.cpuQuotaUs);
    const memory = join(this.#root, 'memory', folder);
    await write(join(memory, 'memory.limit_in_bytes'), limits.memoryBytes === 0 ? -1 : limits.memoryBytes);
    await write(join(this.#root, 'pids', folder, 'pids.max'), limits.pids === 0 ? 'max' : limits.pids);
  }

  async #makeV2(folder: string, limits: CgroupLimits): Promise<void> {
    const path = join(this.#root, folder);
    const missing: string[] = [];
    for (let at = path; at.length > this.#root.length && !(await exists(at)); at = dirname(at)) missing.unshift(at);
    for (const made of missing) {
      await this.#delegate(dirname(made));
      await mkdir(made, { recursive: true });
    }
    await this.#delegate(path);
    await this.#writeShares(folder, limits.cpuShares);
    await write(join(path, 'cpu.max'), `${limits.cpuQuotaUs === 0 ? 'max' : limits.cpuQuotaUs} ${CPU_PERIOD_US}`);
    await write(join(path, 'memory.max'), limits.memoryBytes === 0 ? 'max' : limits.memoryBytes);
    await write(join(path, 'pids.max'), limits.pids === 0 ? 'max' : limits.pids);
  }

  /** Lets the folders below have controllers of their own. */
  async #delegate(path: string): Promise<void> {
    const there = (await readFile(join(path, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    const enabled = V2_CONTROLLERS.filter((name) => there.includes(name)).map((name) => `+${name}`);
    await write(join(path, 'cgroup.subtree_control'), enabled.join(' '));
  }

  async #writeShares(folder: string, shares: number): Promise<void> {
    if (this.#isV2) await write(join(this.#root, folder, 'cpu.weight'), cpuWeight(shares));
    else await write(join(this.#root, 'cpu', folder, 'cpu.shares'), shares);
  }

  /** Folders in which those of pods lie, in every tree. */
  *#bases(): Iterable<string> {
    const { parent } = this.#options;
    const roots = this.#isV2 ? [this.#root] : V1_TREES.map((name) => join(this.#root, name));
    for (const root of roots) {
      yield join(root, podsCgroup(parent));
      yield join(root, classCgroup(parent, 'Burstable'));
      yield join(root, classCgroup(parent, 'BestEffort'));
    }
  }

  async #foldersOf(podUid: string): Promise<string[]> {
    const found: string[] = [];
    for (const base of this.#bases()) {
      for (const name of await namesIn(base)) if (podOfCgroup(name) === podUid) found.push(join(base, name));
    }
    return found;
  }

  async #removeTree(folder: string): Promise<void> {
    for (const name of await namesIn(folder)) await this.#removeTree(join(folder, name));
    for (let attempt = 1; ; attempt++) {
      await killAll(folder);
      try {
        await rmdir(folder);
        return;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') return;
        if (code !== 'EBUSY' || attempt >= REMOVE_TRIES) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }
}

/** Every tree in which the runtime makes folders. */
const V1_TREES = [
  'cpu',
  'cpuacct',
  'cpu,cpuacct',
  'cpuset',
  'memory',
  'pids',
  'blkio',
  'devices',
  'freezer',
  'hugetlb',
  'net_cls',
  'net_prio',
  'perf_event',
  'rdma',
  'misc',
  'systemd',
  'unified',
];

async function killAll(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of text.split('\n').filter((line) => Number(line) > 1)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

async function write(path: string, value: number | string): Promise<void> {
  try {
    await writeFile(path, String(value), { flag: 'r+' });
  } catch (error) {
    // A kernel or machine without this controller limits nothing of the kind.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
