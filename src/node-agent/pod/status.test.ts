import { describe, expect, it } from 'vitest';
import { ended, observation, runtimeContainer, testContainer, testPod } from '../testing/pods.ts';
import { podStatus, type StatusInput } from './status.ts';
import type { ObservedPod } from './types.ts';

function status(pod: StatusInput['pod'], observed: Partial<ObservedPod>, more: Partial<StatusInput> = {}) {
  const base = { pod, observed: observation(observed), ending: undefined, previous: undefined };
  return podStatus({ ...base, hostIp: '192.0.2.1', nowMs: 60_000, ...more });
}

const condition = (result: ReturnType<typeof status>, type: string) => result.conditions?.find((c) => c.type === type);

describe('podStatus', () => {
  it('of a pod whose container is being made: Pending, ContainerCreating', () => {
    const result = status(testPod(), { sandboxes: [], ips: [] });
    expect(result).toMatchObject({
      phase: 'Pending',
      hostIP: '192.0.2.1',
      startTime: '1970-01-01T00:01:00Z',
      qosClass: 'BestEffort',
    });
    expect(result.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    expect(condition(result, 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
    expect(result).not.toHaveProperty('podIP');
  });

  it('of a running pod: Running and Ready, with addresses and container id', () => {
    const result = status(testPod(), { containers: [runtimeContainer('app', { startedAtMs: 5_000, attempt: 2 })] });
    expect(result).toMatchObject({ phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] });
    expect(result.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 2,
      containerID: 'containerd://app-2',
      state: { running: { startedAt: '1970-01-01T00:00:05Z' } },
    });
    expect(result.conditions?.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
  });

  it('of a pod that the node has rejected says why, and nothing of containers', () => {
    const ending = { kind: 'over' as const, phase: 'Failed', reason: 'OutOfcpu', message: 'too large', deadlineMs: 0 };
    const result = status(testPod(), { sandboxes: [], ips: [] }, { ending });
    expect(result).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: 'too large' });
    expect(result).not.toHaveProperty('containerStatuses');
  });

  it('has one more condition when the node gave the pod up', () => {
    const ending = {
      kind: 'over' as const,
      phase: 'Failed',
      reason: 'Evicted',
      message: 'm',
      deadlineMs: 0,
      disrupted: true,
    };
    const result = status(testPod(), { containers: [ended('app', 137, 1_000)] }, { ending });
    expect(condition(result, 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'TerminationByKubelet' });
  });

  it('tells what was given, what is there, and that the one becomes the other', () => {
    const amounts = (cpu: string) => ({ requests: { cpu }, limits: { cpu } });
    const pod = testPod({ containers: [testContainer('app', { resources: amounts('2') })] });
    const containers = [runtimeContainer('app')];
    const result = status(pod, { containers, resources: new Map([['app-0', amounts('1')]]) });
    expect(result.containerStatuses?.[0]).toMatchObject({ allocatedResources: { cpu: '2' }, resources: amounts('1') });
    expect(condition(result, 'PodResizeInProgress')).toMatchObject({ status: 'True' });
    const done = status(pod, { containers, resources: new Map([['app-0', amounts('2')]]) });
    expect(condition(done, 'PodResizeInProgress')).toBeUndefined();
    const pending = { reason: 'Deferred' as const, message: 'no room' };
    expect(condition(status(pod, { containers, resize: { pending } }), 'PodResizePending')).toMatchObject(pending);
  });

  it('is not ready before startup and readiness probes say so', () => {
    const running = runtimeContainer('app');
    const starting = status(testPod(), {
      containers: [running],
      probes: new Map([[running.id, { started: false, ready: false }]]),
    });
    expect(starting.containerStatuses?.[0]).toMatchObject({ started: false, ready: false });
    const unready = status(testPod(), {
      containers: [running],
      probes: new Map([[running.id, { started: true, ready: false }]]),
    });
    expect(unready.containerStatuses?.[0]).toMatchObject({ started: true, ready: false });
    expect(condition(unready, 'Ready')?.message).toBe('containers with unready status: [app]');
  });

  it('of a container in back-off: CrashLoopBackOff, with the last run', () => {
    const failed = ended('app', 3, 59_000, { streak: 1 });
    const result = status(testPod(), { containers: [failed], terminationMessages: new Map([[failed.id, 'boom']]) });
    expect(result.phase).toBe('Running');
    expect(result.containerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: 'back-off 10s restarting failed container=app pod=web_default(uid-1)',
    });
    expect(result.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
      message: 'boom',
    });
  });

  it('shows why an image is not there', () => {
    const images = new Map([
      ['app', { state: 'failed' as const, reason: 'ImagePullBackOff', message: 'm', failures: 1, retryAtMs: 0 }],
    ]);
    expect(status(testPod(), { images }).containerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'ImagePullBackOff',
      message: 'm',
    });
  });

  it.each([
    ['Never', 0, 'Succeeded'],
    ['Never', 1, 'Failed'],
    ['OnFailure', 0, 'Succeeded'],
    ['OnFailure', 1, 'Running'],
    ['Always', 0, 'Running'],
  ])('restartPolicy %s, exit code %i: %s', (restartPolicy, exitCode, phase) => {
    const result = status(testPod({ restartPolicy }), { containers: [ended('app', exitCode, 59_000)] });
    expect(result.phase).toBe(phase);
    const isOver = phase !== 'Running';
    expect(condition(result, 'Ready')?.reason).toBe(
      isOver ? `Pod${phase === 'Failed' ? 'Failed' : 'Completed'}` : 'ContainersNotReady',
    );
  });

  it('with init containers: Pending, PodInitializing, not Initialized', () => {
    const pod = testPod({ initContainers: [testContainer('init')] });
    const result = status(pod, { containers: [runtimeContainer('init')] });
    expect(result.phase).toBe('Pending');
    expect(result.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition(result, 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [init]',
    });
    const done = status(pod, { containers: [ended('init', 0, 50_000), runtimeContainer('app')] });
    expect(done).toMatchObject({ phase: 'Running', initContainerStatuses: [{ ready: true }] });
    expect(condition(done, 'Initialized')?.status).toBe('True');
  });

  it('with init containers, before there is a sandbox: every container waits as PodInitializing', () => {
    const pod = testPod({ initContainers: [testContainer('init'), testContainer('other')] });
    const result = status(pod, { sandboxes: [], ips: [] });
    const all = [...(result.initContainerStatuses ?? []), ...(result.containerStatuses ?? [])];
    expect(all.map(({ name, state }) => `${name}: ${state?.waiting?.reason}`)).toEqual([
      'init: PodInitializing',
      'other: PodInitializing',
      'app: PodInitializing',
    ]);
  });

  it('keeps the time of a transition while the condition stays', () => {
    const containers = [runtimeContainer('app')];
    const first = status(testPod(), { containers });
    const second = status(testPod(), { containers }, { previous: first, nowMs: 120_000 });
    expect(second).toEqual(first);
    const third = status(testPod(), { containers: [ended('app', 1, 119_000)] }, { previous: first, nowMs: 120_000 });
    expect(condition(third, 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:02:00Z');
    expect(condition(third, 'Initialized')?.lastTransitionTime).toBe('1970-01-01T00:01:00Z');
  });

  it('stays Failed with its reason when the deadline was exceeded', () => {
    const ending = {
      kind: 'over' as const,
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'too long',
      deadlineMs: 0,
    };
    expect(status(testPod(), { containers: [ended('app', 137, 59_000)] }, { ending })).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'too long',
    });
  });

  it('keeps what is known of a finished container whose remains are gone', () => {
    const pod = testPod({ restartPolicy: 'Never' });
    const previous = status(pod, { containers: [ended('app', 0, 59_000)] });
    const later = status(pod, { sandboxes: [], containers: [], ips: [] }, { previous });
    expect(later.phase).toBe('Succeeded');
    expect(later.containerStatuses).toEqual(previous.containerStatuses);
  });

  it('respects readiness gates of others', () => {
    const pod = testPod({ readinessGates: [{ conditionType: 'x.example/lb' }] });
    const containers = [runtimeContainer('app')];
    expect(condition(status(pod, { containers }), 'Ready')?.reason).toBe('ReadinessGatesNotReady');
    const open = { ...pod, status: { conditions: [{ type: 'x.example/lb', status: 'True' }] } };
    expect(condition(status(open, { containers }), 'Ready')?.status).toBe('True');
  });
});
