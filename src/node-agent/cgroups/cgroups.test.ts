import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testContainer, testPod } from '../testing/pods.ts';
import { cpuWeight, largerLimits, podCgroup, podLimitsOf } from './cgroup-plan.ts';
import { createCgroups } from './cgroups.ts';

const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const pod = (uid: string, ...resources: object[]) =>
  testPod({ containers: resources.map((of, i) => testContainer(`c${i}`, { resources: of })) }, { uid });

describe('podLimitsOf', () => {
  it.each([
    ['Guaranteed', pod('a', amounts('1', '100'), amounts('500m', '50')), '/p/kubepods/poda', 1536, 150_000, 150],
    ['Burstable, one without limits', pod('b', amounts('1', '100'), {}), '/p/kubepods/burstable/podb', 1024, 0, 0],
    ['BestEffort', pod('c', {}), '/p/kubepods/besteffort/podc', 2, 0, 0],
  ])('%s', (_, of, folder, cpuShares, cpuQuotaUs, memoryBytes) => {
    expect(podCgroup('/p', of)).toBe(folder);
    expect(podLimitsOf(of, 100)).toEqual({ cpuShares, cpuQuotaUs, memoryBytes, pids: 100 });
  });

  it('of two is the larger, and none is larger than any', () => {
    const a = { cpuShares: 2, cpuQuotaUs: 0, memoryBytes: 5, pids: 1 };
    const b = { cpuShares: 3, cpuQuotaUs: 7, memoryBytes: 6, pids: 1 };
    expect(largerLimits(a, b)).toEqual({ cpuShares: 3, cpuQuotaUs: 0, memoryBytes: 6, pids: 1 });
  });

  it('weighs for cgroup v2 as the runtime does', () => {
    expect([2, 1024, 262_144].map(cpuWeight)).toEqual([1, 39, 10_000]);
  });
});

describe('createCgroups', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'cgroups-test-'));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  /** A kernel makes these files with a folder; here they must be there before. */
  async function folder(path: string, files: readonly string[]): Promise<void> {
    await mkdir(join(root, path), { recursive: true });
    for (const name of files) await writeFile(join(root, path, name), '');
  }
  const read = (path: string) => readFile(join(root, path), 'utf8');
  const options = () => ({ parent: '/p', podPidsLimit: 100, nodeCpuMilli: 4000, root });

  it('writes limits into the trees of v1, and removes every folder of the pod', async () => {
    const guaranteed = pod('a', amounts('1', '100'));
    const burstable = pod('b', { requests: { cpu: '2' } });
    for (const at of ['p/kubepods', 'p/kubepods/poda', 'p/kubepods/burstable', 'p/kubepods/burstable/podb']) {
      await folder(`cpu/${at}`, ['cpu.shares', 'cpu.cfs_quota_us', 'cpu.cfs_period_us']);
      await folder(`memory/${at}`, ['memory.limit_in_bytes']);
      await folder(`pids/${at}`, ['pids.max']);
    }
    const cgroups = await createCgroups(options());
    await cgroups.apply(guaranteed);
    await cgroups.apply(burstable);
    expect(await read('cpu/p/kubepods/cpu.shares')).toBe('4096');
    expect(await read('cpu/p/kubepods/poda/cpu.cfs_quota_us')).toBe('100000');
    expect(await read('memory/p/kubepods/poda/memory.limit_in_bytes')).toBe('100');
    expect(await read('pids/p/kubepods/poda/pids.max')).toBe('100');
    expect(await read('cpu/p/kubepods/burstable/cpu.shares')).toBe('2048');
    await cgroups.widen(pod('a', amounts('500m', '50')));
    expect(await read('memory/p/kubepods/poda/memory.limit_in_bytes')).toBe('100');
    await cgroups.apply(pod('a', amounts('500m', '50')));
    expect((await read('memory/p/kubepods/poda/memory.limit_in_bytes')).slice(0, 2)).toBe('50');
    expect((await cgroups.list()).sort()).toEqual(['a', 'b']);
  });

  it('delegates controllers in v2', async () => {
    const files = ['cgroup.controllers', 'cgroup.subtree_control', 'cpu.weight', 'cpu.max', 'memory.max', 'pids.max'];
    for (const at of ['', 'p', 'p/kubepods', 'p/kubepods/poda', 'p/kubepods/burstable', 'p/kubepods/besteffort']) {
      await folder(at, files);
      await writeFile(join(root, at, 'cgroup.controllers'), 'cpu memory pids rdma\n');
    }
    const cgroups = await createCgroups(options());
    await cgroups.apply(pod('a', amounts('1', '100')));
    expect(await read('p/kubepods/poda/cpu.max')).toBe('100000 100000');
    expect(await read('p/kubepods/poda/memory.max')).toBe('100');
    expect(await read('p/kubepods/poda/cgroup.subtree_control')).toBe('+cpu +memory +pids');
    expect(await readdir(dirname(join(root, 'p/kubepods/poda')))).toContain('poda');
  });
});
