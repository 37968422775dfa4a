/** The README's tour, as a user walks it: up, apply, kill the leader, scale, down; and that nothing is left behind. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const hello = resolve(import.meta.dirname, '../examples/hello.yaml');

interface PodList {
  items: {
    metadata: { name: string; uid: string };
    spec: { nodeName?: string };
    status: {
      phase?: string;
      podIP?: string;
      containerStatuses?: { containerID?: string; ready: boolean; restartCount: number }[];
    };
  }[];
}

const pods = () => cluster.json<PodList>('get pods -l app=hello');

async function allReady(count: number): Promise<PodList['items']> {
  return waitFor(
    `${count} ready pods`,
    async () => {
      const { items } = await pods();
      const ready = items.filter((pod) => pod.status.containerStatuses?.every((container) => container.ready));
      return items.length === count && ready.length === count && items;
    },
    60_000,
  );
}

beforeAll(async () => {
  await cluster.up();
});

afterAll(async () => {
  await cluster.destroy();
});

test('up brings three masters and two Ready workers, and says how to go on', async () => {
  expect(cluster.upOutput).toContain('kubectl');
  const { members } = await cluster.status();
  expect(members.filter((member) => member.kind === 'master')).toHaveLength(3);
  expect(members.filter((member) => member.leader)).toHaveLength(1);
  const nodes = await cluster.json<{ items: { status: { conditions: { type: string; status: string }[] } }[] }>(
    'get nodes',
  );
  const ready = nodes.items.map(
    (node) => node.status.conditions.find((condition) => condition.type === 'Ready')?.status,
  );
  expect(ready).toEqual(['True', 'True']);
});

test('up again starts nothing and changes nothing', async () => {
  const before = (await cluster.status()).members.map((member) => [member.name, member.pid]);
  await cluster.up();
  expect((await cluster.status()).members.map((member) => [member.name, member.pid])).toEqual(before);
});

test('apply: the example runs on both workers, reachable from pod to pod across them', async () => {
  await cluster.kubectl(`apply -f ${hello}`);
  const items = await allReady(3);
  expect(new Set(items.map((pod) => pod.spec.nodeName)).size).toBe(2);
  const from = items[0]!;
  const to = items.find((pod) => pod.spec.nodeName !== from.spec.nodeName)!;
  const page = await cluster.kubectl(
    `exec ${from.metadata.name} -- timeout 5 wget -q -O - http://${to.status.podIP}:8080/`,
  );
  expect(page.length).toBeGreaterThan(0);
});

test('kill leader: another leads, pods keep their containers, the Deployment scales afterwards', async () => {
  const before = await pods();
  const oldLeader = await cluster.leader();
  await cluster.must('kill', 'leader');
  const newLeader = await waitFor('another leader', async () => {
    const leader = (await cluster.status()).members.find((member) => member.leader);
    return leader && leader.name !== oldLeader.name && leader;
  });
  expect(newLeader.term).toBeGreaterThan(oldLeader.term!);
  await cluster.kubectl('scale deployment/hello --replicas=20');
  const after = await allReady(20);
  for (const pod of before.items) {
    const same = after.find((other) => other.metadata.uid === pod.metadata.uid);
    expect(same?.status.containerStatuses?.map((container) => [container.containerID, container.restartCount])).toEqual(
      pod.status.containerStatuses?.map((container) => [container.containerID, container.restartCount]),
    );
  }
  await cluster.up();
  expect((await cluster.status()).members.every((member) => member.pid !== undefined)).toBe(true);
});

test('a single command says what is wrong when a member does not exist', async () => {
  const output = await cluster.trimast('kill', 'master-9');
  expect(output.code).not.toBe(0);
  expect(output.stdout + output.stderr).toContain('master-9');
});

test('SIGKILL of every process of the cluster, containers included, then up: the same cluster from disk', async () => {
  const before = await cluster.json<{ metadata: { uid: string } }>('get deployment hello');
  const pids = shell('ps -eo pid,args')
    .filter((line) => line.includes(cluster.dir) && !line.includes('vitest'))
    .map((line) => Number.parseInt(line, 10));
  expect(pids.length).toBeGreaterThan(20);
  for (const pid of pids) kill(pid);
  await cluster.up();
  expect((await cluster.json<{ metadata: { uid: string } }>('get deployment hello')).metadata.uid).toBe(
    before.metadata.uid,
  );
  await allReady(20);
});

test('down leaves no process, namespace, mount, bridge, nftables table or cgroup', async () => {
  const id = createHash('sha256').update(realpathSync(cluster.dir)).digest('hex').slice(0, 6);
  const traces = () => ({
    processes: shell('ps -eo args').filter((line) => line.includes(cluster.dir) && !line.includes('vitest')),
    namespaces: shell('ip netns list').filter((line) => line.includes(id)),
    links: shell('ip -o link').filter((line) => line.includes(`tm${id}`)),
    mounts: shell('cat /proc/mounts').filter((line) => line.includes(cluster.dir)),
    tables: shell('nft list tables').filter((line) => line.includes(id)),
    cgroups: shell('find /sys/fs/cgroup -type d -name "*trimast-*"').filter((line) => line.includes(id)),
  });
  expect(traces().namespaces.length, 'the check sees a running cluster').toBeGreaterThan(0);
  expect(traces().links.length).toBeGreaterThan(0);
  expect(traces().cgroups.length).toBeGreaterThan(0);
  await cluster.must('down');
  expect(traces()).toEqual({ processes: [], namespaces: [], links: [], mounts: [], tables: [], cgroups: [] });
});

test('up after down brings the same cluster back from disk', async () => {
  await cluster.up();
  expect((await cluster.json<{ spec: { replicas: number } }>('get deployment hello')).spec.replicas).toBe(20);
});

function shell(command: string): string[] {
  return execFileSync('sh', ['-c', command], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended with the one before.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
