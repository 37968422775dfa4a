/**
 * The agent and its runtime are killed at random moments while pods start, are probed and stop: what runs goes on, nothing runs twice, and nothing is
 * left over. TRIMAST_AGENT_KILLS and TRIMAST_RUNTIME_KILLS say how often; TRIMAST_SEED repeats a run's moments.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../src/api/generated/types/core-v1.ts';
import { Prng } from '../src/lib/prng.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const agentKills = Number(process.env.TRIMAST_AGENT_KILLS ?? 5);
const runtimeKills = Number(process.env.TRIMAST_RUNTIME_KILLS ?? 2);
const seed = Number(process.env.TRIMAST_SEED ?? Date.now() % 1_000_000);
const maxPauseMs = 1_500;
/** For so many kills; what is left of a test is its settling. */
const limitMs = (kills: number) => 240_000 + kills * 20_000;

const cluster = new Cluster();
const prng = new Prng(seed);

const steady = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a: one }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: steady }
spec:
  replicas: 4
  selector: { matchLabels: { app: steady } }
  template:
    metadata: { labels: { app: steady } }
    spec:
      terminationGracePeriodSeconds: 1
      initContainers:
      - { name: side, image: trimast.local/busybox, restartPolicy: Always, command: [sleep, infinity] }
      containers:
      - name: main
        image: trimast.local/busybox
        command: [sh, -c, "touch /tmp/live; exec sleep infinity"]
        readinessProbe: { exec: { command: [cat, /tmp/live] }, periodSeconds: 1 }
        livenessProbe: { exec: { command: [cat, /tmp/live] }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 10 }
`;

const churning = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: churn } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: trimast.local/busybox
    command: [sleep, infinity]
    resources: { requests: { cpu: 10m }, limits: { memory: 50Mi } }
    volumeMounts:
    - { name: scratch, mountPath: /scratch }
    - { name: memory, mountPath: /inner, subPath: a/b }
    - { name: config, mountPath: /a, subPath: a }
  volumes:
  - { name: scratch, emptyDir: {} }
  - { name: memory, emptyDir: { medium: Memory } }
  - { name: config, configMap: { name: settings } }
`;

const pods = async (app: string) => (await cluster.json<{ items: Pod[] }>(`get pods -l app=${app}`)).items;
const isReady = (pod: Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
const runs = (items: readonly Pod[]) =>
  items
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .map(({ name, containerID, restartCount }) => `${name} ${containerID} ${restartCount}`)
    .sort();

const member = async (name: string) => (await cluster.status()).members.find((one) => one.name === name)!;
const lines = (command: string, args: string[]) => execFileSync(command, args, { encoding: 'utf8' }).split('\n');

/** What the node holds for pods. */
function held() {
  const own = `${cluster.dir}/`;
  const cgroups = readdirSync('/sys/fs/cgroup/cpu', { recursive: true, encoding: 'utf8' });
  return {
    shims: lines('ps', ['-eo', 'args']).filter((line) => line.includes('containerd-shim') && line.includes(own)).length,
    podMounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(join(cluster.dir, 'data/worker-1/pods'))).length,
    podFolders: readdirSync(join(cluster.dir, 'data/worker-1/pods')).length,
    podCgroups: cgroups.filter((path) => path.includes(cgroupName) && /\/pod[0-9a-f-]+$/.test(path)).length,
    addresses: readdirSync(join(cluster.dir, 'data/worker-1/ipam'), { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\d+\.\d+\.\d+\.\d+$/.test(path),
    ).length,
  };
}

let cgroupName = '';
let made = 0;
/** Pods by name → the container that was first seen of it. */
const seen = new Map<string, string>();

/** Makes and removes pods until it is told to stop. */
async function churn(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const name = `churn-${made++}`;
    await cluster.kubectl('apply -f -', churning(name));
    await sleep(prng.float() * maxPauseMs);
    for (const pod of await pods('churn')) {
      const status = pod.status?.containerStatuses?.[0];
      const podName = pod.metadata?.name ?? '';
      if (!status?.containerID) continue;
      expect(status.restartCount, `restarts of ${podName}`).toBe(0);
      expect(seen.get(podName) ?? status.containerID, `container of ${podName}`).toBe(status.containerID);
      seen.set(podName, status.containerID);
    }
    if (made > 3) await cluster.kubectl(`delete pod churn-${made - 4} --wait=false --ignore-not-found`);
  }
}

async function underChurn(work: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const churned = churn(stop.signal);
  const worked = work();
  try {
    await Promise.race([worked, churned]);
  } finally {
    stop.abort();
    // Nobody starts what the end of the test has stopped.
    await Promise.allSettled([worked, churned]);
  }
  await churned;
}

beforeAll(async () => {
  await cluster.up('--masters', '1', '--workers', '1');
  const config = JSON.parse(readFileSync(join(cluster.dir, 'config/worker-1.json'), 'utf8'));
  cgroupName = config.runtime.cgroupParent.slice(1);
  await cluster.kubectl('apply -f -', steady);
  await cluster.kubectl('rollout status deployment/steady --timeout=60s');
});

afterAll(async () => {
  await cluster.destroy();
});

async function settle(before: ReturnType<typeof held>, runsBefore: readonly string[]): Promise<void> {
  await waitFor('the churning pods are ready', async () => (await pods('churn')).every((pod) => isReady(pod)), 90_000);
  await cluster.kubectl('delete pods -l app=churn --timeout=90s');
  await waitFor('nothing is left of them', async () => JSON.stringify(held()) === JSON.stringify(before), 90_000).catch(
    () => expect(held()).toEqual(before),
  );
  await waitFor('the steady pods are ready', async () => (await pods('steady')).every((pod) => isReady(pod)));
  expect(runs(await pods('steady'))).toEqual(runsBefore);
}

test(
  `${agentKills} SIGKILLs of the agent at random moments (seed ${seed}): all adopted, none restarted, nothing leaked`,
  async () => {
    const before = held();
    const runsBefore = runs(await pods('steady'));
    expect(runsBefore).toHaveLength(8);
    await underChurn(async () => {
      for (let i = 0; i < agentKills; i++) {
        await sleep(prng.float() * maxPauseMs);
        process.kill((await member('worker-1')).pid!, 'SIGKILL');
        await cluster.must('start', 'worker-1');
      }
    });
    await settle(before, runsBefore);
  },
  limitMs(agentKills),
);

test(
  `${runtimeKills} SIGKILLs of containerd under load (seed ${seed}): recovered, no sandbox twice`,
  async () => {
    const before = held();
    const runsBefore = runs(await pods('steady'));
    await underChurn(async () => {
      for (let i = 0; i < runtimeKills; i++) {
        await sleep(prng.float() * maxPauseMs);
        process.kill((await member('worker-1-containerd')).pid!, 'SIGKILL');
        await cluster.must('start', 'worker-1-containerd');
      }
    });
    await settle(before, runsBefore);
  },
  limitMs(runtimeKills),
);
