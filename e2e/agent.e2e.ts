/** What a node does for its pods beyond running them: other resources in place, debug containers, evictions, usage. One cluster, stock kubectl. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../src/api/generated/types/core-v1.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const pod = (name: string, container: string, more = '') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - { name: main, image: trimast.local/busybox, ${container} }
${more}`;
const get = (name: string) => cluster.json<Pod>(`get pod ${name}`);
const isReady = (of: Pod) => of.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
const ready = (name: string) => waitFor(`${name} ready`, async () => isReady(await get(name)), 60_000);
let cgroupParent = '';

beforeAll(async () => {
  await cluster.up('--masters', '1', '--workers', '1');
  cgroupParent = JSON.parse(readFileSync(join(cluster.dir, 'config/worker-1.json'), 'utf8')).runtime.cgroupParent;
});

afterAll(async () => {
  await cluster.destroy();
});

test('a pod is resized in place: same container, other limits in the kernel', async () => {
  const resources = (cpu: string) =>
    `resources: { requests: { cpu: ${cpu}, memory: 20Mi }, limits: { cpu: ${cpu}, memory: 20Mi } }`;
  await cluster.kubectl('apply -f -', pod('sized', `command: [sleep, infinity], ${resources('100m')}`));
  await ready('sized');
  const before = await get('sized');
  const container = before.status!.containerStatuses![0]!.containerID!;
  const quota = () =>
    readFileSync(
      `/sys/fs/cgroup/cpu${cgroupParent}/kubepods/pod${before.metadata!.uid}/${container.split('://')[1]}/cpu.cfs_quota_us`,
      'utf8',
    ).trim();
  expect(quota()).toBe('10000');
  const amounts = { cpu: '200m', memory: '30Mi' };
  const patch = { spec: { containers: [{ name: 'main', resources: { requests: amounts, limits: amounts } }] } };
  await cluster.kubectl(`patch pod sized --subresource resize -p ${JSON.stringify(patch).replaceAll(' ', '')}`);
  await waitFor('the new amounts are reported', async () => {
    const { containerStatuses, conditions } = (await get('sized')).status!;
    const isDone = !conditions?.some(({ type }) => type.startsWith('PodResize'));
    return isDone && containerStatuses?.[0]?.resources?.limits?.cpu === '200m';
  });
  expect(quota()).toBe('20000');
  expect((await get('sized')).status!.containerStatuses![0]).toMatchObject({ containerID: container, restartCount: 0 });
});

test('a debug container joins a running pod and sees its processes', async () => {
  await cluster.kubectl('debug sized --image=trimast.local/busybox --target=main -c debugger -- sh -c ps');
  await waitFor('the debug container has ended', async () =>
    (await get('sized')).status?.ephemeralContainerStatuses?.some(({ state }) => state?.terminated?.exitCode === 0),
  );
  expect(await cluster.kubectl('logs sized -c debugger')).toContain('sleep infinity');
});

test('what asks for more than the node has is rejected, and what writes more than it may is evicted', async () => {
  await cluster.kubectl('apply -f -', pod('large', 'resources: { requests: { cpu: 1k } }', '  nodeName: worker-1'));
  const filling = pod(
    'filling',
    'command: [sh, -c, "head -c 9000000 /dev/zero > /v/x; exec sleep infinity"], volumeMounts: [{ name: v, mountPath: /v }]',
    '  volumes: [{ name: v, emptyDir: { sizeLimit: 1Mi } }]',
  );
  await cluster.kubectl('apply -f -', filling);
  const failed = async (name: string) => (await get(name)).status?.phase === 'Failed';
  await waitFor('both have failed', async () => (await failed('large')) && (await failed('filling')), 90_000);
  expect((await get('large')).status).toMatchObject({ reason: 'OutOfcpu' });
  const evicted = (await get('filling')).status;
  expect(evicted).toMatchObject({
    reason: 'Evicted',
    message: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
  });
  expect(evicted?.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', status: 'True' }));
});

test('pods are told of Services, and kubectl top of what they use', async () => {
  await cluster.kubectl('create service clusterip my-db --tcp=5432:5432');
  await cluster.kubectl('apply -f -', pod('told', 'command: [sh, -c, "env; exec sleep infinity"]'));
  await ready('told');
  const log = await cluster.kubectl('logs told');
  expect(log).toMatch(/^MY_DB_SERVICE_PORT=5432$/m);
  expect(log).toMatch(/^KUBERNETES_SERVICE_HOST=\d+/m);
  await waitFor('usage of the node', async () => (await cluster.kubectl('top node')).includes('worker-1'));
  await waitFor('usage of the pod', async () => (await cluster.kubectl('top pod --containers')).includes('told'));
});
