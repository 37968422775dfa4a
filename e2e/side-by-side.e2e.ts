/** Two clusters on one machine, one of them with hollow nodes: neither knows of the other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node, Pod } from '../src/api/generated/types/core-v1.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const first = new Cluster();
const second = new Cluster();

const deployment = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: many }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: many } }
  template:
    metadata: { labels: { app: many } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: trimast.local/busybox, command: [sleep, infinity] }]
`;

beforeAll(async () => {
  await Promise.all([
    first.up('--masters', '1', '--workers', '1'),
    second.up('--masters', '3', '--workers', '1', '--hollow', '20'),
  ]);
});

afterAll(async () => {
  await Promise.all([first.destroy(), second.destroy()]);
});

test('they share no address, port, process or name', async () => {
  const [one, two] = [await first.status(), await second.status()];
  const endpoints = (members: typeof one.members) =>
    members.flatMap((item) => Object.values(item.ports).map((port) => `${item.address}:${port}`));
  expect(endpoints(one.members).filter((endpoint) => endpoints(two.members).includes(endpoint))).toEqual([]);
  const pids = new Set(one.members.map((item) => item.pid));
  expect(two.members.filter((item) => pids.has(item.pid))).toEqual([]);
});

test('an identity of one is a stranger to the other', async () => {
  const { address, ports } = (await second.status()).members.find((item) => item.kind === 'master')!;
  const output = await first.tryKubectl([
    `--server=https://${address}:${ports.api}`,
    '--insecure-skip-tls-verify',
    '--certificate-authority=',
    'get',
    'nodes',
  ]);
  expect(output.code).toBe(1);
  expect(output.stdout).toBe('');
});

test('hollow nodes take pods beside real ones, and say what they are', async () => {
  const { items: nodes } = await second.json<{ items: Node[] }>('get nodes');
  expect(nodes).toHaveLength(21);
  await second.kubectl('apply -f -', deployment(100));
  await second.kubectl('rollout status deployment/many --timeout=60s');
  const { items: pods } = await second.json<{ items: Pod[] }>('get pods -l app=many');
  expect(new Set(pods.map((pod) => pod.spec?.nodeName)).size).toBeGreaterThan(15);
});

test('down of one leaves the other as it is', async () => {
  await first.kubectl('apply -f -', deployment(2));
  await first.kubectl('rollout status deployment/many --timeout=60s');
  const before = (await first.json<{ items: Pod[] }>('get pods')).items.map(
    (pod) => pod.status?.containerStatuses?.[0]?.containerID,
  );
  await second.must('down');
  await waitFor('the first cluster to answer', async () => (await first.tryKubectl(['get', 'nodes'])).code === 0);
  const after = (await first.json<{ items: Pod[] }>('get pods')).items.map(
    (pod) => pod.status?.containerStatuses?.[0]?.containerID,
  );
  expect(after).toEqual(before);
});
