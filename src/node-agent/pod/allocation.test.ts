import { describe, expect, it } from 'vitest';
import { podLimits, podRequests } from '../../api/meta/pod-resources.ts';
import { testContainer, testPod } from '../testing/pods.ts';
import { admit, type NodeCapacity } from './admission.ts';
import {
  asksForResize,
  judgeResize,
  needsRestart,
  reportedAllocation,
  wantedAllocation,
  withAllocation,
} from './allocation.ts';

const node: NodeCapacity = {
  allocatable: new Map([
    ['cpu', 2000],
    ['memory', 1000],
    ['pods', 3],
  ]),
  allowedUnsafeSysctls: ['kernel.msg*'],
};
const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const pod = (resources: object, more: object = {}) =>
  testPod({ containers: [testContainer('app', { resources })], ...more });

describe('admit', () => {
  it.each([
    [pod({ requests: { cpu: '1' } }), [], undefined],
    [pod({ requests: { cpu: '1500m' } }), [pod({ requests: { cpu: '600m' } })], 'OutOfcpu'],
    [pod({ requests: { memory: '600' } }), [pod({ requests: { memory: '600' } })], 'OutOfmemory'],
    [pod({}), [pod({}), pod({}), pod({})], 'OutOfpods'],
    [pod({ requests: { 'example.com/thing': '5' } }), [], undefined],
    [pod({}, { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } }), [], undefined],
    [pod({}, { securityContext: { sysctls: [{ name: 'kernel.sem', value: '1' }] } }), [], 'SysctlForbidden'],
    [pod({}, { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }), [], undefined],
  ])('%#', (wanted, others, reason) => {
    expect(admit(wanted, others, node)?.reason).toBe(reason);
  });

  it('says how much is missing', () => {
    const used = [pod({ requests: { cpu: '600m' } })];
    expect(admit(pod({ requests: { cpu: '1500m' } }), used, node)?.message).toBe(
      "Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000",
    );
  });

  it('gives a host port to one pod only, unless addresses or protocols differ', () => {
    const withPort = (port: object) =>
      testPod({ containers: [testContainer('app', { ports: [{ containerPort: 1, hostPort: 80, ...port }] })] });
    const rejected = (a: object, b: object) => admit(withPort(a), [withPort(b)], node)?.reason === 'NodePorts';
    expect(rejected({}, {})).toBe(true);
    expect(rejected({ hostIP: '10.0.0.1' }, { hostIP: '0.0.0.0' })).toBe(true);
    expect(rejected({ hostIP: '10.0.0.1' }, { hostIP: '10.0.0.2' })).toBe(false);
    expect(rejected({ protocol: 'UDP' }, {})).toBe(false);
  });
});

describe('allocation', () => {
  const small = amounts('100m', '100');
  const large = amounts('200m', '200');

  it('is what was reported until a resize is granted', () => {
    const status = {
      name: 'app',
      containerID: 'containerd://1',
      allocatedResources: small.requests,
      resources: small,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
    };
    const resized = { ...pod(large), status: { containerStatuses: [status] } };
    const allocation = reportedAllocation(resized);
    expect(allocation.get('app')).toEqual(small);
    expect(asksForResize(resized, allocation)).toBe(true);
    expect(withAllocation(resized, allocation).spec.containers[0]?.resources).toEqual(small);
    expect(asksForResize(resized, wantedAllocation(resized))).toBe(false);
    expect(reportedAllocation(pod(large)).get('app')).toEqual(large);
  });

  it('does not take other words for the same amount as a resize', () => {
    const allocation = new Map([['app', amounts('1', '1Ki')]]);
    expect(asksForResize(pod(amounts('1000m', '1024')), allocation)).toBe(false);
  });

  it('fits, waits for others, or never fits', () => {
    expect(judgeResize(pod(large), [], node)).toEqual({ verdict: 'fits' });
    expect(judgeResize(pod(amounts('1', '600')), [pod(amounts('1', '600'))], node)).toEqual({
      verdict: 'Deferred',
      message: "Node didn't have enough resource: memory, requested: 600, used: 600, capacity: 1000",
    });
    expect(judgeResize(pod(amounts('3', '1')), [], node)).toEqual({
      verdict: 'Infeasible',
      message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000",
    });
  });

  it('needs a restart where the policy of what changes says so', () => {
    const container = testContainer('app', {
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'memory', restartPolicy: 'RestartContainer' },
      ],
    });
    expect(needsRestart(container, amounts('1', '1'), amounts('2', '1'))).toBe(false);
    expect(needsRestart(container, amounts('1', '1'), amounts('1', '2'))).toBe(true);
  });
});

describe('podRequests and podLimits', () => {
  it('count init containers, sidecars, the pod as a whole and its overhead', () => {
    const { spec } = pod(amounts('1', '10'), {
      initContainers: [
        testContainer('side', { restartPolicy: 'Always', resources: amounts('1', '1') }),
        testContainer('init', { resources: { requests: { cpu: '3' } } }),
      ],
      overhead: { cpu: '100m' },
    });
    expect(Object.fromEntries(podRequests(spec))).toEqual({ cpu: 4100, memory: 11 });
    expect(Object.fromEntries(podLimits(spec))).toEqual({ cpu: 2100, memory: 11 });
    expect(podRequests({ ...spec, resources: { requests: { cpu: '5' } } }).get('cpu')).toBe(5100);
  });
});
