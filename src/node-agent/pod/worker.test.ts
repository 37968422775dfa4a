import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap, PodStatus } from '../../api/generated/types/core-v1.ts';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { ProbeManager } from '../probes/probe-manager.ts';
import { FakeRuntime } from '../testing/fake-runtime.ts';
import { testContainer, testPod } from '../testing/pods.ts';
import { createNoStorage } from '../volumes/no-storage.ts';
import type { WorkerContext } from './context.ts';
import { ImagePuller } from './pull-image.ts';
import type { WantedPod } from './types.ts';
import { PodWorker } from './worker.ts';

let clock: ManualClock;
let runtime: FakeRuntime;
let statuses: PodStatus[];
let events: string[];
let gone: string[];
let configMaps: Record<string, ConfigMap>;
let worker: PodWorker;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  runtime = new FakeRuntime(() => clock.nowMs());
  statuses = [];
  events = [];
  gone = [];
  configMaps = {};
});

function context(): WorkerContext {
  const probes = new ProbeManager({ runtime, clock, onChange: () => worker.wake(), onFailure: () => undefined });
  const noDns = { servers: [], searches: [], options: [] };
  return {
    runtime,
    storage: createNoStorage(),
    probes,
    puller: new ImagePuller(runtime, new AbortController().signal),
    clock,
    logger: silentLogger,
    node: {
      name: 'node-1',
      hostIp: '192.0.2.1',
      memoryBytes: 2 ** 30,
      allocatable: { cpu: '2', memory: '1Gi', ephemeralStorage: '1Gi' },
      capacity: {
        allocatable: new Map([
          ['cpu', 2000],
          ['memory', 2 ** 30],
          ['pods', 110],
        ]),
        allowedUnsafeSysctls: [],
      },
      seccompDir: '/seccomp',
      clusterDns: [],
      clusterDomain: 'cluster.local',
      hostDns: noDns,
    },
    objects: () => ({ configMap: (name) => configMaps[name], secret: () => undefined }),
    admit: () => undefined,
    judgeResize: () => ({ verdict: 'fits' }),
    recordEvent: (_pod, _type, reason) => events.push(reason),
    publish: (_pod, status) => statuses.push(status),
    gone: (pod) => gone.push(pod.metadata.name),
  };
}

function start(pod: WantedPod, more: Partial<WorkerContext> = {}): PodWorker {
  worker = new PodWorker(pod, { ...context(), ...more });
  runtime.watch(() => worker.wake());
  return worker;
}

const last = () => statuses.at(-1);
const waiting = () => last()?.containerStatuses?.[0]?.state?.waiting?.reason;

/** The worker works in promises only; a test that waits for what never comes ends by its timeout. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

/** Gives the worker every chance to do something that it should not do. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('PodWorker', () => {
  it('starts a pod: init container first, then the others', async () => {
    start(testPod({ initContainers: [testContainer('init')] }));
    await until(() => runtime.calls.includes('start init 0'));
    await settle();
    expect(runtime.calls).toEqual(['run-sandbox 0', 'create init 0', 'start init 0']);
    runtime.exit('init', 0);
    await until(() => last()?.phase === 'Running');
    expect(runtime.calls.slice(3)).toEqual(['create app 0', 'start app 0']);
    expect(events).toEqual(['Pulled', 'Created', 'Started', 'Pulled', 'Created', 'Started']);
  });

  it('restarts with back-off and counts', async () => {
    start(testPod());
    await until(() => last()?.phase === 'Running');
    runtime.exit('app', 1);
    await until(() => runtime.calls.includes('start app 1'));
    await until(() => last()?.containerStatuses?.[0]?.state?.running !== undefined);
    runtime.exit('app', 1);
    await until(() => waiting() === 'CrashLoopBackOff');
    await settle();
    expect(runtime.calls).not.toContain('create app 2');
    clock.advance(10_000);
    await until(() => last()?.containerStatuses?.[0]?.restartCount === 2);
    expect(events).toContain('BackOff');
  });

  it('pulls an image that is not there', async () => {
    start(testPod({ containers: [testContainer('app', { image: 'other:1' })] }));
    await until(() => last()?.phase === 'Running');
    expect(runtime.calls).toContain('pull other:1');
  });

  it('tells why an image cannot be pulled, and tries again', async () => {
    runtime.broken.set('pull', new Error('no such host'));
    start(testPod({ containers: [testContainer('app', { image: 'other:1' })] }));
    await until(() => waiting() === 'ErrImagePull');
    clock.advance(1_000);
    await until(() => waiting() === 'ImagePullBackOff');
    runtime.broken.clear();
    clock.advance(10_000);
    await until(() => last()?.phase === 'Running');
  });

  it('never pulls with imagePullPolicy Never', async () => {
    start(testPod({ containers: [testContainer('app', { image: 'other:1', imagePullPolicy: 'Never' })] }));
    await until(() => waiting() === 'ErrImageNeverPull');
    expect(runtime.calls.filter((call) => call.startsWith('pull'))).toEqual([]);
  });

  it('waits for a ConfigMap of a volume and goes on as soon as it is there', async () => {
    start(testPod({ volumes: [{ name: 'v', configMap: { name: 'config' } }] }));
    await until(() => events.includes('FailedMount'));
    expect(runtime.calls).toEqual([]);
    expect(waiting()).toBe('ContainerCreating');
    configMaps.config = { data: { a: '1' } };
    worker.objectsChanged();
    await until(() => last()?.phase === 'Running');
  });

  it('brings volumes up to date one after the other, and the last change is shown', async () => {
    const shown: (string | undefined)[] = [];
    let atOnce = 0;
    let mostAtOnce = 0;
    let isBroken = false;
    const prepare: WorkerContext['storage']['prepare'] = async (_pod, _fields, objects) => {
      const value = objects.configMap('config')?.data?.a;
      mostAtOnce = Math.max(mostAtOnce, ++atOnce);
      await settle();
      atOnce--;
      if (isBroken) throw new Error('disk is full');
      shown.push(value);
    };
    const storage = Object.assign(createNoStorage(), { prepare });
    const change = (config: ConfigMap | undefined) => {
      configMaps = config ? { config } : {};
      worker.objectsChanged();
    };
    start(testPod({ volumes: [{ name: 'v', configMap: { name: 'config', optional: true } }] }), { storage });
    await until(() => atOnce === 1);
    // While the volumes are first made.
    change({ data: { a: '1' } });
    await until(() => shown.at(-1) === '1');
    for (const a of ['2', '3', '4']) change({ data: { a } });
    await until(() => shown.at(-1) === '4');
    change(undefined);
    await until(() => shown.at(-1) === undefined);
    isBroken = true;
    change({ data: { a: '5' } });
    await until(() => atOnce === 1);
    await until(() => atOnce === 0);
    isBroken = false;
    await settle();
    clock.advance(10_000);
    await until(() => shown.at(-1) === '5');
    expect(mostAtOnce).toBe(1);
  });

  it('waits for a ConfigMap of its environment with CreateContainerConfigError', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'config', key: 'a' } } }];
    start(testPod({ containers: [testContainer('app', { env })] }));
    await until(() => waiting() === 'CreateContainerConfigError');
    expect(last()?.containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "config" not found');
    configMaps.config = { data: { a: '1' } };
    worker.objectsChanged();
    await until(() => last()?.phase === 'Running');
    expect([...runtime.specs.values()][0]?.env).toEqual([{ name: 'A', value: '1' }]);
  });

  it('stays Ready from the old run to the new one when a container is replaced for a new image', async () => {
    const pod = testPod();
    start(pod);
    await until(() => last()?.phase === 'Running');
    const before = statuses.length;
    runtime.images.add('app:2');
    worker.update({ ...pod, spec: { ...pod.spec, containers: [testContainer('app', { image: 'app:2' })] } });
    await until(() => last()?.containerStatuses?.[0]?.restartCount === 1);
    const ready = statuses.slice(before).map((s) => s.conditions?.find(({ type }) => type === 'Ready')?.status);
    expect(new Set(ready)).toEqual(new Set(['True']));
    expect(last()?.containerStatuses?.[0]).toMatchObject({
      image: 'app:2',
      lastState: { terminated: { exitCode: 0 } },
    });
  });

  it('is not Ready when a replaced container cannot run again at once', async () => {
    const pod = testPod();
    start(pod);
    await until(() => last()?.phase === 'Running');
    runtime.broken.set('pull', new Error('no such host'));
    worker.update({ ...pod, spec: { ...pod.spec, containers: [testContainer('app', { image: 'app:2' })] } });
    await until(() => waiting() === 'ErrImagePull');
    expect(last()?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False');
  });

  it('tries a sandbox again that could not be made', async () => {
    runtime.broken.set('run-sandbox', new Error('no network'));
    start(testPod());
    await until(() => events.includes('FailedCreatePodSandBox'));
    runtime.broken.clear();
    clock.advance(1_000);
    await until(() => last()?.phase === 'Running');
  });

  it('goes on after the runtime was away', async () => {
    start(testPod());
    await until(() => last()?.phase === 'Running');
    runtime.broken.set('list', new Error('connection refused'));
    worker.wake();
    await settle();
    runtime.broken.clear();
    clock.advance(60_000);
    runtime.exit('app', 0);
    await until(() => runtime.calls.includes('start app 1'));
  });

  it('deletes gracefully: terminated status first, nothing left, then gone', async () => {
    const pod = testPod();
    start(pod);
    await until(() => last()?.phase === 'Running');
    runtime.stubborn.add('app');
    const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    worker.update({ ...pod, metadata: { ...pod.metadata, ...deletion } });
    await until(() => runtime.calls.includes('stop app 30000'));
    await settle();
    expect(gone).toEqual([]);
    runtime.kill('app');
    await until(() => gone.length > 0);
    expect(last()?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
    expect(runtime.calls.slice(-3)).toEqual(['stop-sandbox', 'remove app 0', 'remove-sandbox']);
    worker.remove();
    await worker.done;
    expect(gone).toEqual(['web']);
  });

  it('hurries when the grace period is cut short', async () => {
    const pod = testPod();
    start(pod);
    await until(() => last()?.phase === 'Running');
    runtime.stubborn.add('app');
    const deleted = (deletionGracePeriodSeconds: number) => ({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds },
    });
    worker.update(deleted(30));
    await until(() => runtime.calls.includes('stop app 30000'));
    worker.update(deleted(0));
    await until(() => gone.length > 0);
    expect(runtime.calls).toContain('stop app 0');
  });

  it('runs the preStop hook before the stop', async () => {
    const lifecycle = { preStop: { exec: { command: ['drain'] } } };
    start(testPod({ containers: [testContainer('app', { lifecycle })] }));
    await until(() => last()?.phase === 'Running');
    worker.remove();
    await worker.done;
    const order = runtime.calls.filter((call) => call.startsWith('exec') || call.startsWith('stop app'));
    expect(order).toEqual(['exec drain', 'stop app 30000']);
  });

  it('restarts a container whose postStart hook fails', async () => {
    runtime.execExitCode = 1;
    const lifecycle = { postStart: { exec: { command: ['warm-up'] } } };
    start(testPod({ containers: [testContainer('app', { lifecycle })] }));
    await until(() => runtime.calls.includes('start app 1'));
    expect(events).toContain('FailedPostStartHook');
  });

  it('fails a pod that exceeds its deadline', async () => {
    start(testPod({ activeDeadlineSeconds: 60 }));
    await until(() => last()?.phase === 'Running');
    await settle();
    clock.advance(61_000);
    await until(() => last()?.phase === 'Failed');
    expect(last()?.reason).toBe('DeadlineExceeded');
    await until(() => runtime.calls.includes('stop-sandbox'));
  });

  it('lets a finished pod be, also after a restart of the agent', async () => {
    const pod = testPod({ restartPolicy: 'Never' });
    const first = start(pod);
    await until(() => last()?.phase === 'Running');
    runtime.exit('app', 0);
    await until(() => runtime.calls.includes('stop-sandbox'));
    first.abandon();
    await first.done;
    runtime.containers.clear();
    runtime.sandboxes.clear();
    const before = runtime.calls.length;
    start({ ...pod, status: last() });
    await settle();
    expect(runtime.calls.slice(before)).toEqual([]);
    expect(last()).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { exitCode: 0 } } }],
    });
  });
});
