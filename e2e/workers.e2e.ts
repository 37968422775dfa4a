/** Agents die and workers are cut off: pods are adopted, replaced elsewhere, and the surplus is stopped. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node, Pod } from '../src/api/generated/types/core-v1.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: spread }
spec:
  replicas: 6
  selector: { matchLabels: { app: spread } }
  template:
    metadata: { labels: { app: spread } }
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2 }
      - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 2 }
      containers: [{ name: main, image: trimast.local/busybox, command: [sleep, infinity] }]
`;

/** Tolerates a lost node as long as Kubernetes lets pods do by default: 300 s. */
const patient = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: patient }
spec:
  replicas: 4
  selector: { matchLabels: { app: patient } }
  template:
    metadata: { labels: { app: patient } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: main, image: trimast.local/busybox, command: [sleep, infinity] }]
`;

const pods = async (app = 'spread') => (await cluster.json<{ items: Pod[] }>(`get pods -l app=${app}`)).items;
const on = (node: string, items: Pod[]) => items.filter((pod) => pod.spec?.nodeName === node);
const containers = (items: Pod[]) =>
  items
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .map((status) => `${status.containerID} ${status.restartCount}`)
    .sort();
const isReady = (pod: Pod) =>
  pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');

async function nodeReady(name: string, status: string, timeoutMs = 60_000): Promise<void> {
  await waitFor(
    `node ${name} Ready=${status}`,
    async () => {
      const node = await cluster.json<Node>(`get node ${name}`);
      return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === status);
    },
    timeoutMs,
  );
}

beforeAll(async () => {
  await cluster.up();
  await cluster.kubectl('apply -f -', deployment);
  await cluster.kubectl('rollout status deployment/spread --timeout=60s');
});

afterAll(async () => {
  await cluster.destroy();
});

test('SIGKILL of an agent, then up: its pods are adopted, none restarted', async () => {
  const before = containers(await pods());
  expect(before).toHaveLength(6);
  await cluster.must('kill', 'worker-1');
  await cluster.up();
  await nodeReady('worker-1', 'True');
  await cluster.kubectl('label pods -l app=spread seen=yes');
  expect(containers(await pods())).toEqual(before);
});

test('a worker cut off longer than the grace period: its pods run on the other; back again, the surplus is stopped', async () => {
  const member = (await cluster.status()).members.find((item) => item.name === 'worker-1')!;
  const nft = (rules: string) =>
    execFileSync('nsenter', [`--net=/proc/${member.pid}/ns/net`, 'nft', '-f', '-'], { input: rules });
  nft(`table inet cut {
    chain in { type filter hook input priority -300; iifname "lo" accept; drop; }
    chain out { type filter hook output priority -300; oifname "lo" accept; drop; }
    chain through { type filter hook forward priority -300; drop; }
  }`);
  await nodeReady('worker-1', 'Unknown');
  await waitFor(
    'six ready pods on worker-2',
    async () =>
      on('worker-2', await pods()).filter((pod) => isReady(pod) && !pod.metadata?.deletionTimestamp).length === 6,
    60_000,
  );
  nft('delete table inet cut');
  await nodeReady('worker-1', 'True');
  await waitFor('six pods in all', async () => (await pods()).length === 6, 60_000);
  const socket = (await cluster.status()).members.find((item) => item.name === 'worker-1-containerd')!;
  await waitFor('no surplus container on worker-1', async () => {
    const tasks = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
    const shims = tasks.filter(
      (line) => line.includes('containerd-shim') && line.includes(`${cluster.dir}/`) && line.includes('worker-1'),
    );
    return socket.pid !== undefined && shims.length === on('worker-1', await pods()).length;
  });
});

test('an agent paused longer than the grace period, then resumed: its node is ready again by itself, no pod restarted', async () => {
  await cluster.kubectl('delete deployment spread');
  await cluster.kubectl('apply -f -', patient);
  await cluster.kubectl('rollout status deployment/patient --timeout=60s');
  const before = containers(await pods('patient'));
  expect(on('worker-1', await pods('patient')).length).toBeGreaterThan(0);
  await cluster.must('pause', 'worker-1');
  const pausedMs = performance.now();
  await nodeReady('worker-1', 'Unknown');
  await waitFor('its pods not ready', async () => on('worker-1', await pods('patient')).every((pod) => !isReady(pod)));
  // By then the keepalives of its connections have run out, too.
  await sleep(Math.max(0, pausedMs + 15_000 - performance.now()));
  await cluster.must('resume', 'worker-1');
  await nodeReady('worker-1', 'True', 15_000);
  await waitFor('every pod ready', async () => (await pods('patient')).every(isReady));
  expect(containers(await pods('patient'))).toEqual(before);
  await waitFor('no taint', async () => !(await cluster.json<Node>('get node worker-1')).spec?.taints?.length);
});
