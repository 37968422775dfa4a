import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCgroupUsage } from '../cgroups/usage.ts';
import { diskUsage } from './disk-usage.ts';
import { parseMeminfo, parseNetDev } from './proc.ts';
import { cadvisorMetrics, resourceMetrics } from './prometheus.ts';
import type { Summary } from './summary.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stats-test-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function files(contents: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

describe('readCgroupUsage', () => {
  const expected = {
    cpuNs: 5_000,
    memoryBytes: 100,
    workingSetBytes: 70,
    rssBytes: 60,
    swapBytes: 0,
    pageFaults: 9,
    majorPageFaults: 1,
    processes: 3,
  };

  it('reads v1', async () => {
    await files({
      'cpuacct/p/cpuacct.usage': '5000\n',
      'memory/p/memory.usage_in_bytes': '100\n',
      'memory/p/memory.stat':
        'cache 1\ntotal_rss 60\ntotal_swap 0\ntotal_inactive_file 30\ntotal_pgfault 9\ntotal_pgmajfault 1\n',
      'pids/p/pids.current': '3\n',
    });
    expect(await readCgroupUsage(folder, false, 'p')).toEqual(expected);
    expect(await readCgroupUsage(folder, false, 'gone')).toBeUndefined();
  });

  it('reads v2', async () => {
    await files({
      'p/cpu.stat': 'usage_usec 5\nuser_usec 3\n',
      'p/memory.current': '100\n',
      'p/memory.stat': 'anon 60\ninactive_file 30\npgfault 9\npgmajfault 1\n',
      'p/pids.current': '3\n',
    });
    expect(await readCgroupUsage(folder, true, 'p')).toEqual(expected);
  });
});

it('diskUsage counts a file once, however many names it has', async () => {
  await files({ 'v/a': 'x'.repeat(10_000), 'v/sub/b': 'y' });
  const before = await diskUsage(join(folder, 'v'));
  await link(join(folder, 'v/a'), join(folder, 'v/sub/a'));
  const after = await diskUsage(join(folder, 'v'));
  expect(after).toEqual(before);
  expect(after.inodes).toBe(4);
  expect(after.bytes).toBeGreaterThanOrEqual(10_000);
  expect(await diskUsage(join(folder, 'nothing'))).toEqual({ bytes: 0, inodes: 0 });
});

it('parseMeminfo leaves out what the kernel can take back at once', () => {
  const text = 'MemTotal: 100 kB\nMemFree: 40 kB\nMemAvailable: 55 kB\nInactive(file): 10 kB\nAnonPages: 20 kB\n';
  expect(parseMeminfo(text)).toEqual({
    totalBytes: 102_400,
    usageBytes: 61_440,
    workingSetBytes: 51_200,
    availableBytes: 56_320,
    rssBytes: 20_480,
  });
});

it('parseNetDev leaves out the loopback', () => {
  const text =
    'Inter-| Receive | Transmit\n face |bytes packets\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 100 2 1 0 0 0 0 0 200 3 4 0 0 0 0 0\n';
  expect(parseNetDev(text)).toEqual([{ name: 'eth0', rxBytes: 100, rxErrors: 1, txBytes: 200, txErrors: 4 }]);
});

describe('metrics', () => {
  const time = '2026-01-01T00:00:00Z';
  const cpu = { time, usageCoreNanoSeconds: 2_500_000_000 };
  const memory = { time, usageBytes: 30, workingSetBytes: 20, rssBytes: 10 };
  const summary: Summary = {
    node: { nodeName: 'n', startTime: time, cpu, memory },
    pods: [
      {
        podRef: { name: 'p', namespace: 'ns', uid: 'u' },
        startTime: time,
        cpu,
        memory,
        containers: [{ name: 'a"b', startTime: time, cpu, memory }],
      },
    ],
  };

  it('of resources have the names that the metrics API reads', () => {
    const lines = resourceMetrics(summary).split('\n');
    expect(lines).toContain('container_cpu_usage_seconds_total{container="a\\"b",namespace="ns",pod="p"} 2.5');
    expect(lines).toContain('node_memory_working_set_bytes 20');
    expect(lines).toContain('pod_cpu_usage_seconds_total{namespace="ns",pod="p"} 2.5');
    expect(lines.filter((line) => line.startsWith('# TYPE')).length).toBe(8);
  });

  it('of containers have the names of cAdvisor', () => {
    const text = cadvisorMetrics(summary);
    expect(text).toContain('container_memory_working_set_bytes{container="a\\"b",namespace="ns",pod="p"} 20');
    expect(text).toContain(
      'container_cpu_usage_seconds_total{container="",namespace="",pod="",id="/",cpu="total"} 2.5',
    );
  });
});
