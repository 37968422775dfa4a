import { describe, expect, test } from 'vitest';
import type { ContainerStatus, Pod, PodStatus } from '../../generated/types/core-v1.ts';
import { printedStatus } from './printed-status.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const container = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name,
  image: 'x',
  imageID: 'x',
  ready: false,
  restartCount: 0,
  ...more,
});
const up = { ready: true, started: true, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
const ended = (exitCode: number, reason?: string) => ({ state: { terminated: { exitCode, reason } } });
const pending = (reason: string) => ({ state: { waiting: { reason } } });

function print(status: PodStatus, more: { inits?: object[]; deleted?: boolean; containers?: number } = {}): string {
  const count = more.containers ?? Math.max(1, status.containerStatuses?.length ?? 0);
  const pod = {
    metadata: { ...(more.deleted && { deletionTimestamp: '2026-01-01T00:59:00Z' }) },
    spec: {
      containers: Array.from({ length: count }, (_, index) => ({ name: `c${index}` })),
      ...(more.inits && { initContainers: more.inits }),
    },
    status,
  } as Pod;
  const { ready, status: word, restarts } = printedStatus(pod, nowMs);
  return `${ready} ${word} ${restarts}`;
}

describe('printedStatus()', () => {
  const ready = [{ type: 'Ready', status: 'True' }];

  test.each<[string, string, PodStatus]>([
    ['waiting for a node', '0/1 Pending 0', { phase: 'Pending' }],
    [
      'waiting for its gates',
      '0/1 SchedulingGated 0',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    ],
    ['running', '1/1 Running 0', { phase: 'Running', containerStatuses: [container('c0', up)] }],
    [
      'half ready',
      '1/2 Running 0',
      { phase: 'Running', containerStatuses: [container('c0', up), container('c1', { ...up, ready: false })] },
    ],
    [
      'being created',
      '0/1 ContainerCreating 0',
      { phase: 'Pending', containerStatuses: [container('c0', pending('ContainerCreating'))] },
    ],
    [
      'crashing, with the time of the last restart',
      '0/1 CrashLoopBackOff 4 (5m ago)',
      {
        phase: 'Running',
        containerStatuses: [
          container('c0', {
            ...pending('CrashLoopBackOff'),
            restartCount: 4,
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:55:00Z' } },
          }),
        ],
      },
    ],
    ['done', '0/1 Completed 0', { phase: 'Succeeded', containerStatuses: [container('c0', ended(0, 'Completed'))] }],
    ['failed', '0/1 Error 0', { phase: 'Failed', containerStatuses: [container('c0', ended(1, 'Error'))] }],
    [
      'failed without a reason',
      '0/1 ExitCode:3 0',
      { phase: 'Failed', containerStatuses: [container('c0', ended(3))] },
    ],
    ['evicted', '0/1 Evicted 0', { phase: 'Failed', reason: 'Evicted' }],
    [
      'one of two done, the other ready',
      '1/2 Running 0',
      {
        phase: 'Running',
        conditions: ready,
        containerStatuses: [container('c0', ended(0, 'Completed')), container('c1', up)],
      },
    ],
    [
      'one of two done, the pod not ready',
      '1/2 NotReady 0',
      { phase: 'Running', containerStatuses: [container('c0', ended(0, 'Completed')), container('c1', up)] },
    ],
  ])('%s → %s', (_, expected, status) => {
    expect(print(status)).toBe(expected);
  });

  test('deletion shows, unless the pod has ended or its node is lost', () => {
    const running = { phase: 'Running', containerStatuses: [container('c0', up)] };
    expect(print(running, { deleted: true })).toBe('1/1 Terminating 0');
    expect(print({ ...running, reason: 'NodeLost' }, { deleted: true })).toBe('1/1 Unknown 0');
    expect(print({ phase: 'Succeeded' }, { deleted: true })).toBe('0/1 Succeeded 0');
  });

  test('init containers come first, in order', () => {
    const inits = [{ name: 'i0' }, { name: 'i1' }];
    const status = (first: Partial<ContainerStatus>, second: Partial<ContainerStatus> = {}) => ({
      phase: 'Pending',
      initContainerStatuses: [container('i0', first), container('i1', second)],
      containerStatuses: [container('c0', pending('PodInitializing'))],
    });
    expect(print(status({ state: { running: {} } }), { inits })).toBe('0/1 Init:0/2 0');
    expect(print(status(ended(0), { state: { running: {} } }), { inits })).toBe('0/1 Init:1/2 0');
    expect(print(status(pending('CrashLoopBackOff')), { inits })).toBe('0/1 Init:CrashLoopBackOff 0');
    expect(print(status(ended(2)), { inits })).toBe('0/1 Init:ExitCode:2 0');
    expect(print(status(ended(0), ended(0)), { inits })).toBe('0/1 PodInitializing 0');
  });

  test('sidecars count as containers', () => {
    const inits = [{ name: 'i0', restartPolicy: 'Always' }];
    const status = {
      phase: 'Running',
      initContainerStatuses: [container('i0', { ...up, restartCount: 2 })],
      containerStatuses: [container('c0', { ...up, restartCount: 1 })],
    };
    expect(print(status, { inits })).toBe('2/2 Running 3');
  });
});
