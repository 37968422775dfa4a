/** What a cgroup uses, from the kernel's files of either version. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CgroupUsage {
  readonly cpuNs: number;
  readonly memoryBytes: number;
  /** Without what the kernel could take back at once: what evictions and `kubectl top` go by. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly swapBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly processes: number;
}

/** Undefined when there is no such cgroup. `root`: where the trees are mounted. */
export async function readCgroupUsage(root: string, isV2: boolean, folder: string): Promise<CgroupUsage | undefined> {
  try {
    return isV2 ? await readV2(join(root, folder)) : await readV1(root, folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Removed while it was read.
    if (code === 'ENOENT' || code === 'ENODEV') return undefined;
    throw error;
  }
}

async function readV1(root: string, folder: string): Promise<CgroupUsage> {
  const memory = join(root, 'memory', folder);
  const [cpu, usage, stat, pids] = await Promise.all([
    readNumber(join(root, 'cpuacct', folder, 'cpuacct.usage')),
    readNumber(join(memory, 'memory.usage_in_bytes')),
    readFields(join(memory, 'memory.stat')),
    readNumber(join(root, 'pids', folder, 'pids.current')),
  ]);
  return {
    cpuNs: cpu,
    memoryBytes: usage,
    workingSetBytes: Math.max(0, usage - (stat.get('total_inactive_file') ?? 0)),
    rssBytes: stat.get('total_rss') ?? 0,
    swapBytes: stat.get('total_swap') ?? 0,
    pageFaults: stat.get('total_pgfault') ?? 0,
    majorPageFaults: stat.get('total_pgmajfault') ?? 0,
    processes: pids,
  };
}

async function readV2(folder: string): Promise<CgroupUsage> {
  const [cpu, usage, stat, swap, pids] = await Promise.all([
    readFields(join(folder, 'cpu.stat')),
    readNumber(join(folder, 'memory.current')),
    readFields(join(folder, 'memory.stat')),
    readNumber(join(folder, 'memory.swap.current')).catch(() => 0),
    readNumber(join(folder, 'pids.current')),
  ]);
  return {
    cpuNs: (cpu.get('usage_usec') ?? 0) * 1000,
    memoryBytes: usage,
    workingSetBytes: Math.max(0, usage - (stat.get('inactive_file') ?? 0)),
    rssBytes: stat.get('anon') ?? 0,
    swapBytes: swap,
    pageFaults: stat.get('pgfault') ?? 0,
    majorPageFaults: stat.get('pgmajfault') ?? 0,
    processes: pids,
  };
}

/** CPU of the whole machine. */
export async function readMachineCpuNs(root: string, isV2: boolean): Promise<number> {
  if (isV2) return ((await readFields(join(root, 'cpu.stat'))).get('usage_usec') ?? 0) * 1000;
  return readNumber(join(root, 'cpuacct/cpuacct.usage'));
}

async function readNumber(path: string): Promise<number> {
  return Number((await readFile(path, 'utf8')).trim());
}

/** Lines of a name and a number. */
async function readFields(path: string): Promise<Map<string, number>> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ') + 1))]));
}
