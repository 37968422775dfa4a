import { describe, expect, it } from 'vitest';
import { hollowMachine } from './machine.ts';
import { nodeObject, nodeStatus, sameNodeStatus } from './node-object.ts';

describe('nodeStatus', () => {
  const identity = {
    name: 'n1',
    address: '192.0.2.1',
    port: 10250,
    labels: { zone: 'z' },
    machine: hollowMachine('n1'),
    runtimeVersion: 'hollow://1',
  };
  const health = { notReady: undefined, memoryPressure: false, diskPressure: false, pidPressure: false };

  it('reports addresses, capacity and conditions', () => {
    const status = nodeStatus(identity, health, undefined, 1_000);
    expect(status.capacity).toMatchObject({ cpu: '32', pods: '110' });
    expect(status.conditions?.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      'MemoryPressure=False',
      'DiskPressure=False',
      'PIDPressure=False',
      'Ready=True',
    ]);
    expect(nodeObject(identity, status).metadata?.labels).toMatchObject({ 'kubernetes.io/hostname': 'n1', zone: 'z' });
  });

  it('keeps the time of a transition, and does not count a heartbeat as a change', () => {
    const first = nodeStatus(identity, health, undefined, 1_000);
    const second = nodeStatus(identity, health, first, 5_000);
    expect(sameNodeStatus(first, second)).toBe(true);
    const third = nodeStatus(identity, { ...health, notReady: { reason: 'r', message: 'm' } }, second, 9_000);
    expect(sameNodeStatus(second, third)).toBe(false);
    const ready = third.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'r', lastTransitionTime: '1970-01-01T00:00:09Z' });
    expect(third.conditions?.[0]?.lastTransitionTime).toBe('1970-01-01T00:00:01Z');
  });
});
