import { describe, expect, it } from 'vitest';
import { ended, observation, runtimeContainer, testContainer, testPod, testSandbox } from '../testing/pods.ts';
import { type PlanInput, plan } from './plan.ts';
import { annotationKeys, type ObservedPod } from './types.ts';

function next(pod: PlanInput['pod'], observed: Partial<ObservedPod>, more: Partial<PlanInput> = {}) {
  const input = {
    pod,
    observed: observation(observed),
    ending: undefined,
    hasData: true,
    nowMs: 1_000,
    hashOf: () => 'h',
    ...more,
  };
  return plan(input);
}

const gone = (deadlineMs: number) => ({ ending: { kind: 'gone' as const, deadlineMs } });

describe('plan: start', () => {
  it('prepares volumes before the sandbox', () => {
    expect(next(testPod(), { sandboxes: [], volumes: { state: 'unknown' } })).toEqual({ do: 'prepare-volumes' });
    expect(next(testPod(), { sandboxes: [] })).toEqual({ do: 'create-sandbox', attempt: 0 });
  });

  it('waits for the next try when volumes or sandbox failed', () => {
    const failure = { reason: 'r', message: 'm', failures: 1, retryAtMs: 5_000 };
    const wait = { do: 'wait', untilMs: 5_000 };
    expect(next(testPod(), { sandboxes: [], volumes: { state: 'failed', ...failure } })).toEqual(wait);
    expect(next(testPod(), { sandboxes: [], sandboxFailure: failure })).toEqual(wait);
    expect(next(testPod(), { sandboxes: [], sandboxFailure: failure }, { nowMs: 5_000 }).do).toBe('create-sandbox');
  });

  it('gets the image, then starts the container', () => {
    const pod = testPod();
    expect(next(pod, { images: new Map() }).do).toBe('ensure-image');
    expect(next(pod, { images: new Map([['app', { state: 'pulling' }]]) })).toEqual({ do: 'wait' });
    expect(next(pod, {})).toMatchObject({ do: 'start-container', attempt: 0, streak: 0, kind: 'regular' });
  });

  it('waits when everything runs', () => {
    expect(next(testPod(), { containers: [runtimeContainer('app')] })).toEqual({ do: 'wait' });
  });
});

describe('plan: ephemeral containers', () => {
  const debug = testContainer('debug');
  const pod = testPod({ ephemeralContainers: [debug], initContainers: [testContainer('init')] });
  const images = new Map(['debug', 'init', 'app'].map((name) => [name, { state: 'present' as const, id: 'i' }]));

  it('starts one once, even while init containers run', () => {
    expect(next(pod, { images, containers: [runtimeContainer('init')] })).toMatchObject({
      do: 'start-container',
      container: { name: 'debug' },
      kind: 'ephemeral',
    });
    const over = ended('debug', 1, 500);
    expect(next(pod, { images, containers: [over] })).toMatchObject({ container: { name: 'init' } });
  });

  it('does not start one again whose remains are gone', () => {
    const terminated = { exitCode: 0 };
    const ephemeralContainerStatuses = [
      { name: 'debug', state: { terminated }, image: '', imageID: '', ready: false, restartCount: 0 },
    ];
    const reported = { ...pod, status: { ephemeralContainerStatuses } };
    expect(next(reported, { images })).toMatchObject({ container: { name: 'init' } });
  });

  it('stops with the pod and does not keep it running', () => {
    const never = testPod({ ephemeralContainers: [debug], restartPolicy: 'Never' });
    const containers = [ended('app', 0, 500), runtimeContainer('debug')];
    expect(next(never, { containers })).toMatchObject({ do: 'stop-containers', stops: [{ name: 'debug' }] });
  });
});

describe('plan: restarts beside others', () => {
  it('counts on from the reported restarts when the runtime has lost the container', () => {
    const status = { name: 'app', containerID: 'containerd://x', restartCount: 3, image: '', imageID: '', ready: true };
    const pod = { ...testPod(), status: { containerStatuses: [status] } };
    expect(next(pod, {})).toMatchObject({ do: 'start-container', attempt: 4 });
  });

  it('restarts a regular container while a sidecar that has started before is down', () => {
    const pod = testPod({ initContainers: [testContainer('sidecar', { restartPolicy: 'Always' })] });
    const containers = [ended('sidecar', 1, 900, { streak: 3 }), ended('app', 1, 900)];
    expect(next(pod, { containers })).toMatchObject({ do: 'start-container', container: { name: 'app' }, attempt: 1 });
  });
});

describe('plan: init containers', () => {
  const pod = testPod({ initContainers: [testContainer('init'), testContainer('other')] });

  it('runs them one after the other, then the regular ones', () => {
    expect(next(pod, {})).toMatchObject({ do: 'start-container', container: { name: 'init' }, kind: 'init' });
    expect(next(pod, { containers: [runtimeContainer('init')] })).toEqual({ do: 'wait' });
    const first = ended('init', 0, 500);
    expect(next(pod, { containers: [first] })).toMatchObject({ container: { name: 'other' } });
    expect(next(pod, { containers: [first, ended('other', 0, 600)] })).toMatchObject({ container: { name: 'app' } });
  });

  it('starts a failed one again, and gives the pod up with restartPolicy Never', () => {
    const failed = { containers: [ended('init', 1, 500)] };
    expect(next(pod, failed)).toMatchObject({
      do: 'start-container',
      container: { name: 'init' },
      attempt: 1,
      streak: 1,
    });
    const never = testPod({ ...pod.spec, restartPolicy: 'Never' });
    expect(next(never, failed)).toEqual({ do: 'stop-sandbox', id: 'sandbox-0' });
  });

  it('runs them again in a new sandbox', () => {
    const old = ended('init', 0, 500, { sandboxId: 'old' });
    expect(next(pod, { containers: [old] })).toMatchObject({ container: { name: 'init' }, attempt: 1 });
  });

  it('keeps a sidecar running and goes on once it has started', () => {
    const withSidecar = testPod({
      initContainers: [testContainer('sidecar', { restartPolicy: 'Always' })],
      restartPolicy: 'Never',
    });
    const sidecar = runtimeContainer('sidecar');
    const notStarted = new Map([[sidecar.id, { started: false, ready: false }]]);
    expect(next(withSidecar, { containers: [sidecar], probes: notStarted })).toEqual({ do: 'wait' });
    expect(next(withSidecar, { containers: [sidecar] })).toMatchObject({ container: { name: 'app' } });
    const done = [sidecar, ended('app', 0, 900)];
    expect(next(withSidecar, { containers: done })).toMatchObject({
      do: 'stop-containers',
      stops: [{ name: 'sidecar' }],
    });
  });
});

describe('plan: restarts', () => {
  it('restarts at once first, then with back-off', () => {
    expect(next(testPod(), { containers: [ended('app', 1, 900)] })).toMatchObject({
      do: 'start-container',
      attempt: 1,
      streak: 1,
    });
    const again = [ended('app', 1, 900, { attempt: 1, streak: 1 })];
    expect(next(testPod(), { containers: again })).toEqual({ do: 'wait', untilMs: 10_900 });
    expect(next(testPod(), { containers: again }, { nowMs: 10_900 })).toMatchObject({ attempt: 2, streak: 2 });
  });

  it.each([
    ['OnFailure', 0, 'stop-sandbox'],
    ['OnFailure', 1, 'start-container'],
    ['Never', 1, 'stop-sandbox'],
    ['Always', 0, 'start-container'],
  ])('restartPolicy %s after exit code %i: %s', (restartPolicy, exitCode, step) => {
    expect(next(testPod({ restartPolicy }), { containers: [ended('app', exitCode, 900)] }).do).toBe(step);
  });

  it('stops an unhealthy container and one whose image changed', () => {
    const running = runtimeContainer('app');
    const probes = new Map([[running.id, { started: true, ready: true, unhealthy: 'sick' }]]);
    expect(next(testPod(), { containers: [running], probes })).toMatchObject({
      stops: [{ message: 'sick', graceMs: 30_000 }],
    });
    const old = runtimeContainer('app', { annotations: { [annotationKeys.hash]: 'other' } });
    expect(next(testPod(), { containers: [old] }).do).toBe('stop-containers');
  });

  it('makes a new sandbox when the old one died, after its containers have ended', () => {
    const dead = [testSandbox({ ready: false })];
    expect(next(testPod(), { sandboxes: dead, containers: [runtimeContainer('app')] })).toMatchObject({
      do: 'stop-containers',
    });
    expect(next(testPod(), { sandboxes: dead, containers: [ended('app', 137, 900)] })).toEqual({
      do: 'create-sandbox',
      attempt: 1,
    });
  });

  it('keeps one earlier run and removes older ones, and what never started', () => {
    const containers = [0, 1, 2].map((attempt) => ended('app', 1, 900 + attempt, { attempt, streak: attempt }));
    expect(next(testPod(), { containers })).toEqual({ do: 'remove-containers', ids: ['app-0'] });
    const created = runtimeContainer('app', { state: 'created' });
    expect(next(testPod(), { containers: [created] })).toEqual({ do: 'remove-containers', ids: ['app-0'] });
  });
});

describe('plan: the end', () => {
  it('stops containers, then the sandbox, then removes everything in order', () => {
    const pod = testPod();
    const running = { containers: [runtimeContainer('app')] };
    expect(next(pod, running, gone(5_000))).toEqual({
      do: 'stop-containers',
      stops: [{ id: 'app-0', name: 'app', graceMs: 4_000, message: 'Stopping container' }],
    });
    const stopped = { containers: [ended('app', 0, 900)] };
    expect(next(pod, stopped, gone(5_000))).toEqual({ do: 'stop-sandbox', id: 'sandbox-0' });
    const dead = { sandboxes: [testSandbox({ ready: false })] };
    expect(next(pod, { ...stopped, ...dead }, gone(5_000)).do).toBe('remove-containers');
    expect(next(pod, dead, gone(5_000)).do).toBe('remove-sandbox');
    expect(next(pod, { sandboxes: [] }, gone(5_000))).toEqual({ do: 'remove-data' });
    expect(next(pod, { sandboxes: [] }, { ...gone(5_000), hasData: false })).toEqual({ do: 'finished' });
  });

  it('waits for a stop that is under way, and hurries it when the grace period got shorter', () => {
    const observed = { containers: [runtimeContainer('app')], stopping: new Map([['app-0', { deadlineMs: 30_000 }]]) };
    expect(next(testPod(), observed, gone(30_000)).do).toBe('wait');
    expect(next(testPod(), observed, gone(2_000))).toMatchObject({
      do: 'stop-containers',
      stops: [{ graceMs: 1_000 }],
    });
  });

  it('stops sidecars after the others', () => {
    const pod = testPod({ initContainers: [testContainer('sidecar', { restartPolicy: 'Always' })] });
    const both = { containers: [runtimeContainer('app'), runtimeContainer('sidecar')] };
    expect(next(pod, both, gone(5_000))).toMatchObject({ stops: [{ name: 'app' }] });
    const rest = { containers: [ended('app', 0, 900), runtimeContainer('sidecar')] };
    expect(next(pod, rest, gone(5_000))).toMatchObject({ stops: [{ name: 'sidecar' }] });
  });

  it('keeps the remains of a pod that failed as a whole', () => {
    const ending = { kind: 'over' as const, phase: 'Failed', reason: 'DeadlineExceeded', message: '', deadlineMs: 0 };
    const observed = { containers: [ended('app', 137, 900)], sandboxes: [testSandbox({ ready: false })] };
    expect(next(testPod(), observed, { ending })).toEqual({ do: 'wait' });
  });
});

describe('plan: resize', () => {
  const amounts = (cpu: string, memory = '1Mi') => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const pod = testPod({
    containers: [
      testContainer('app', { resources: amounts('2') }),
      testContainer('other', { resources: amounts('1') }),
    ],
  });
  const both = [runtimeContainer('app'), runtimeContainer('other')];
  const actual = (app: object) =>
    new Map([
      ['app-0', app],
      ['other-0', amounts('1')],
    ]);

  it('gives running containers what they have been granted', () => {
    expect(next(pod, { containers: both, resources: actual(amounts('1')) })).toMatchObject({
      do: 'resize',
      containers: [{ id: 'app-0' }],
    });
    expect(next(pod, { containers: both, resources: actual(amounts('2000m')) })).toEqual({ do: 'wait' });
    expect(next(pod, { containers: both })).toEqual({ do: 'wait' });
  });

  it('waits after a failure', () => {
    const failure = { reason: 'r', message: 'm', failures: 1, retryAtMs: 9_000 };
    const observed = { containers: both, resources: actual(amounts('1')), resize: { failure } };
    expect(next(pod, observed)).toEqual({ do: 'wait', untilMs: 9_000 });
  });

  it('restarts a container whose policy says so, at once and with no back-off', () => {
    const containers = [testContainer('app', { resources: amounts('1', '2Mi'), resizePolicy })];
    const restarting = testPod({ containers });
    const resources = new Map([['app-0', amounts('1')]]);
    expect(next(restarting, { containers: [runtimeContainer('app')], resources })).toMatchObject({
      do: 'stop-containers',
      stops: [{ message: 'Container app resize requires restart' }],
    });
    const stopped = ended('app', 0, 999, { streak: 4 });
    expect(next(restarting, { containers: [stopped], resources })).toMatchObject({ do: 'start-container', streak: 0 });
  });
});

describe('plan: restart rules of a container', () => {
  const never = (container: object) =>
    testPod({ restartPolicy: 'Never', containers: [testContainer('app', container)] });
  const rule = (operator: string) => ({
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator, values: [42] } }],
  });

  it.each([
    ['Always of its own', { restartPolicy: 'Always' }, 0, 'start-container'],
    ['OnFailure of its own', { restartPolicy: 'OnFailure' }, 0, 'stop-sandbox'],
    ['In', rule('In'), 42, 'start-container'],
    ['In, another code', rule('In'), 1, 'stop-sandbox'],
    ['NotIn', rule('NotIn'), 1, 'start-container'],
  ])('%s', (_, container, exitCode, step) => {
    expect(next(never(container), { containers: [ended('app', exitCode, 500)] }).do).toBe(step);
  });

  it('fails a pod whose init container never restarts', () => {
    const pod = testPod({ initContainers: [testContainer('init', { restartPolicy: 'Never' })] });
    expect(next(pod, { containers: [ended('init', 1, 500)] }).do).toBe('stop-sandbox');
  });
});
