import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { admit } from '../pod/admission.ts';
import { testContainer, testPod } from '../testing/pods.ts';
import { type Evictable, EvictionManager } from './eviction-manager.ts';
import { diskLimitProblem, evictionMessage, hasDiskLimits, type PodUsage, rankPods } from './rank.ts';
import {
  CONDITION_HOLD_MS,
  DEFAULT_THRESHOLDS,
  lastCaused,
  NEVER_CAUSED,
  NO_PRESSURE,
  pressureAt,
  type Signal,
  shortages,
} from './thresholds.ts';

const mi = 1024 * 1024;
const memory = (available: number): Signal => ({ name: 'memory.available', available, capacity: 1000 * mi });

function usage(name: string, memoryMi: number, requestMi = 0, priority = 0, more: Partial<PodUsage> = {}): PodUsage {
  const resources = { requests: { memory: `${requestMi}Mi` } };
  return {
    pod: testPod({ containers: [testContainer('app', { resources })], priority }, { name, uid: name }),
    memoryBytes: memoryMi * mi,
    diskBytes: 0,
    inodes: 0,
    processes: 0,
    containers: [{ name: 'app', memoryBytes: memoryMi * mi, diskBytes: 0 }],
    volumeBytes: new Map(),
    ...more,
  };
}

describe('shortages', () => {
  it('knows quantities and percentages, memory first', () => {
    const disk: Signal = { name: 'nodefs.available', available: 9, capacity: 100 };
    expect(shortages([disk, memory(99 * mi)], DEFAULT_THRESHOLDS).map(({ scarce }) => scarce)).toEqual([
      'memory',
      'ephemeral-storage',
    ]);
    expect(shortages([{ ...disk, available: 10 }, memory(100 * mi)], DEFAULT_THRESHOLDS)).toEqual([]);
  });

  it('hold their condition for a while', () => {
    const short = shortages([memory(1)], DEFAULT_THRESHOLDS);
    const caused = lastCaused(lastCaused(NEVER_CAUSED, short, 1_000), [], 2_000);
    expect(pressureAt(caused, CONDITION_HOLD_MS).memoryPressure).toBe(true);
    expect(pressureAt(caused, 1_000 + CONDITION_HOLD_MS)).toEqual(NO_PRESSURE);
  });
});

describe('rankPods', () => {
  it('takes those over their request first, then by priority, then by excess', () => {
    const pods = [
      usage('within', 100, 200),
      usage('important', 500, 100, 10),
      usage('little-over', 110, 100),
      usage('much-over', 300, 100),
      usage('system', 900, 0, 2_000_000_000),
    ];
    expect(rankPods(pods, 'memory').map(({ pod }) => pod.metadata.name)).toEqual([
      'much-over',
      'little-over',
      'important',
      'within',
    ]);
  });

  it('says why', () => {
    const [shortage] = shortages([memory(50 * mi)], DEFAULT_THRESHOLDS);
    expect(evictionMessage(usage('a', 2), shortage!)).toBe(
      'The node was low on resource: memory. Threshold quantity: 102400Ki, available: 51200Ki. ' +
        'Container app was using 2048Ki, request is 0Mi, has larger consumption of memory. ',
    );
  });
});

describe('diskLimitProblem', () => {
  const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
  const limits = { 'ephemeral-storage': '2Mi' };
  const pod = testPod({ volumes, containers: [testContainer('app', { resources: { limits } })] });
  const of = (more: Partial<PodUsage>) => diskLimitProblem({ ...usage('a', 0), pod, ...more });

  it.each([
    [{ volumeBytes: new Map([['v', mi]]) }, undefined],
    [{ volumeBytes: new Map([['v', mi + 1]]) }, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
    [
      { containers: [{ name: 'app', memoryBytes: 0, diskBytes: 3 * mi }] },
      'Container app exceeded its local ephemeral storage limit "2Mi". ',
    ],
    [{ diskBytes: 3 * mi }, 'Pod ephemeral local storage usage exceeds the total limit of containers 2048Ki. '],
  ])('%#', (more, problem) => {
    expect(of(more)).toBe(problem);
    expect(hasDiskLimits(pod)).toBe(true);
  });
});

describe('admit under pressure', () => {
  const node = { allocatable: new Map([['pods', 9]]), allowedUnsafeSysctls: [] };
  const asks = testPod({ containers: [testContainer('app', { resources: { requests: { memory: '1' } } })] });
  it.each([
    [testPod(), { memoryPressure: true }, 'Evicted'],
    [asks, { memoryPressure: true }, undefined],
    [asks, { diskPressure: true }, 'Evicted'],
    [testPod({ priority: 2_000_001_000 }), { diskPressure: true }, undefined],
  ])('%#', (pod, pressure, reason) => {
    expect(admit(pod, [], { ...node, pressure: { ...NO_PRESSURE, ...pressure } })?.reason).toBe(reason);
  });
});

describe('EvictionManager', () => {
  it('takes back what nobody needs, then one pod at a time, and waits for each', async () => {
    const clock = new ManualClock(0);
    const evicted: string[] = [];
    const over = new Set<string>();
    const pods: Evictable[] = [usage('small', 1), usage('large', 9)].map(({ pod }) => ({
      pod,
      get admitted() {
        return over.has(pod.metadata.name) ? undefined : pod;
      },
      evict: () => evicted.push(pod.metadata.name),
    }));
    let disk = 5;
    const manager = new EvictionManager({
      thresholds: DEFAULT_THRESHOLDS,
      signals: async () => [{ name: 'nodefs.available', available: disk, capacity: 100 }],
      pods: () => pods,
      usage: async (pod) => usage(pod.metadata.name, 0, 0, 0, { diskBytes: pod.metadata.name === 'large' ? 9 : 1 }),
      reclaimDisk: async () => {
        disk += 3;
        return 3;
      },
      clock,
      logger: silentLogger,
    });
    expect((await manager.look()).diskPressure).toBe(true);
    expect([disk, evicted]).toEqual([8, ['large']]);
    await manager.look();
    expect(evicted).toEqual(['large']);
    over.add('large');
    disk = 8;
    await manager.look();
    expect([disk, evicted]).toEqual([11, ['large']]);
    expect((await manager.look()).diskPressure).toBe(true);
  });
});
