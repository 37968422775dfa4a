/** Services across two nodes: every way to reach one, under changes, with agents and nodes that fail. Needs root: nodes are network namespaces. */
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PodList, Service } from '../src/api/generated/types/core-v1.ts';
import { Cluster, findKubectls, waitFor } from './support/cluster.ts';
import { ask, type LoadReport, startLoad } from './support/http-load.ts';

const cluster = new Cluster();
const run = promisify(execFile);
const loadProgram = resolve(import.meta.dirname, 'support/http-load.ts');
const workers = ['worker-1', 'worker-2'];
const perSecond = 50;

const deployment = (version: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 4
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 10
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { app: web } } }
      containers:
      - name: main
        image: trimast.local/busybox
        command: [sh, -c, 'mkdir /w && echo ${version} $(hostname) > /w/index.html && exec httpd -f -p 8080 -h /w']
        ports: [{ name: http, containerPort: 8080 }]
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
        lifecycle: { preStop: { exec: { command: [sleep, '3'] } } }
`;

const service = (name: string, spec: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }], ${spec} }
`;

beforeAll(async () => {
  await cluster.up('--masters', '1', '--workers', '2');
  await cluster.kubectl('apply -f -', deployment('one'));
  const services = [
    service('web', 'type: NodePort'),
    service('sticky', 'sessionAffinity: ClientIP'),
    service('near', 'type: NodePort, externalTrafficPolicy: Local, internalTrafficPolicy: Local'),
    service('balanced', 'type: LoadBalancer'),
    service('headless', 'clusterIP: None'),
  ];
  const nobody =
    'apiVersion: v1\nkind: Service\nmetadata: { name: nobody }\nspec: { selector: { app: none }, ports: [{ port: 80 }] }';
  await cluster.kubectl('apply -f -', `${services.join('')}---\n${nobody}`);
  await cluster.kubectl('rollout status deployment/web --timeout=90s');
});

afterAll(() => cluster.destroy());

const get = (name: string) => cluster.json<Service>(`get service ${name}`);
const clusterUrl = async (name: string) => `http://${(await get(name)).spec!.clusterIP}/`;

async function addressOf(worker: string): Promise<string> {
  const { members } = await cluster.status();
  return members.find(({ name }) => name === worker)!.address;
}

async function nodeUrl(name: string, worker: string): Promise<string> {
  return `http://${await addressOf(worker)}:${(await get(name)).spec!.ports![0]!.nodePort}/`;
}

function namespaceOf(worker: string): string {
  const { members } = JSON.parse(readFileSync(join(cluster.dir, 'cluster.json'), 'utf8')) as {
    members: { name: string; namespace?: string }[];
  };
  return members.find(({ name }) => name === worker)!.namespace!;
}

async function onNode(worker: string, ...command: string[]): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', namespaceOf(worker), ...command]);
  return stdout;
}

/** Load from within a node, where ClusterIPs lead somewhere. */
async function loadFromNode(worker: string, url: string): Promise<{ stop(): Promise<LoadReport> }> {
  const child = spawn('ip', [
    'netns',
    'exec',
    namespaceOf(worker),
    process.execPath,
    loadProgram,
    url,
    String(perSecond),
  ]);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise((done) => child.once('close', done));
  await waitFor('the load to begin', async () => output.startsWith('begun'));
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(output.slice('begun\n'.length));
    },
  };
}

async function podsOn(worker?: string): Promise<string[]> {
  const { items } = await cluster.json<PodList>('get pods -l app=web');
  return items
    .filter(({ spec, metadata }) => !metadata?.deletionTimestamp && (!worker || spec?.nodeName === worker))
    .map(({ metadata }) => metadata!.name!)
    .sort();
}

/** Who answers, of many requests. */
async function answering(url: string, times = 40): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < times; i++) seen.add((await ask(url)).split(' ')[1]!);
  return [...seen].sort();
}

async function answeringFromNode(worker: string, url: string, times = 40): Promise<LoadReport> {
  return JSON.parse(await onNode(worker, process.execPath, loadProgram, url, '--count', String(times)));
}

test('all pods answer at every node port, and at the ClusterIP from a node', async () => {
  const pods = await podsOn();
  for (const worker of workers) expect(await answering(await nodeUrl('web', worker))).toEqual(pods);
  const { answers, failures } = await answeringFromNode('worker-1', await clusterUrl('web'));
  expect(failures).toEqual([]);
  expect(
    Object.keys(answers)
      .map((answer) => answer.split(' ')[1])
      .sort(),
  ).toEqual(pods);
});

test('a pod reaches a Service by address, also itself, and gets an answer from each of its pods', async () => {
  const { clusterIP } = (await get('web')).spec!;
  const pods = await podsOn();
  const script = `for i in $(seq 40); do (printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 0.1) | nc -w 5 ${clusterIP} 80 | tail -1; done`;
  const { stdout } = await cluster.tryKubectl(['exec', pods[0]!, '--', 'sh', '-c', script]);
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(40);
  expect([...new Set(lines.map((line) => line.split(' ')[1]))].sort()).toEqual(pods);
});

test('a client stays with its pod where the Service asks for it', async () => {
  const { answers, failures } = await answeringFromNode('worker-2', await clusterUrl('sticky'));
  expect(failures).toEqual([]);
  expect(Object.keys(answers)).toHaveLength(1);
});

test('traffic that must stay on a node does', async () => {
  for (const worker of workers) {
    const own = await podsOn(worker);
    expect(own.length).toBeGreaterThan(0);
    expect(await answering(await nodeUrl('near', worker))).toEqual(own);
    const { answers } = await answeringFromNode(worker, await clusterUrl('near'));
    expect(
      Object.keys(answers)
        .map((answer) => answer.split(' ')[1])
        .sort(),
    ).toEqual(own);
  }
});

test('where nobody is behind a Service, or at another port, the connection is refused', async () => {
  const url = await clusterUrl('nobody');
  const { failures } = await answeringFromNode('worker-1', url);
  expect(failures[0]).toContain('ECONNREFUSED');
  const other = await answeringFromNode('worker-1', (await clusterUrl('web')).replace(/\/$/, ':81/'));
  expect(other.failures[0]).toContain('ECONNREFUSED');
});

test('a client inside of the cluster finds the API at the Service kubernetes, trusts it and is known by its token', async () => {
  const folder = join(cluster.dir, 'client');
  mkdirSync(folder);
  copyFileSync([...(await findKubectls()).values()].at(-1)!, join(folder, 'kubectl'));
  await cluster.kubectl('create clusterrolebinding viewer --clusterrole=view --serviceaccount=default:default');
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client' },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'client', hostPath: { path: folder } }],
      containers: [
        {
          name: 'main',
          image: 'trimast.local/busybox',
          command: ['sleep', 'infinity'],
          volumeMounts: [{ name: 'client', mountPath: '/client', readOnly: true }],
        },
      ],
    },
  };
  await cluster.kubectl('apply -f -', JSON.stringify(pod));
  await cluster.kubectl('wait --for=condition=Ready pod/client --timeout=60s');
  const names = await cluster.kubectl('exec client -- /client/kubectl get pods -l app=web -o name');
  expect(names.trim().split('\n').sort()).toEqual((await podsOn()).map((name) => `pod/${name}`));
});

test('nobody notices a rolling update', async () => {
  const loads = [
    startLoad(await nodeUrl('web', 'worker-1'), perSecond),
    startLoad(await nodeUrl('web', 'worker-2'), perSecond),
    await loadFromNode('worker-1', await clusterUrl('web')),
  ];
  await cluster.kubectl('apply -f -', deployment('two'));
  await cluster.kubectl('rollout status deployment/web --timeout=120s');
  await waitFor('the old pods to go', async () => (await podsOn()).length === 4);
  // Their last seconds count too: they end only after their hook.
  await sleep(5_000);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  for (const { requests, answers, failures } of reports) {
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    const versions = new Set(Object.keys(answers).map((answer) => answer.split(' ')[0]));
    expect([...versions].sort()).toEqual(['one', 'two']);
  }
});

test('nobody notices that an agent dies and comes back', async () => {
  const load = startLoad(await nodeUrl('web', 'worker-1'), perSecond);
  await cluster.must('kill', 'worker-1');
  await new Promise((done) => setTimeout(done, 2_000));
  await cluster.must('up');
  await waitFor('the agent to serve again', async () =>
    (await cluster.status()).members.every(({ state }) => state === 'running'),
  );
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
});

test('rules that somebody deletes are put back', async () => {
  await onNode('worker-2', 'nft', 'delete', 'table', 'ip', 'trimast-services');
  const url = await nodeUrl('web', 'worker-2');
  await waitFor('the rules to be back', async () => (await ask(url)) !== '');
  const rules = await onNode('worker-2', 'nft', 'list', 'map', 'ip', 'trimast-services', 'service-ips');
  expect(rules).toContain((await get('sticky')).spec!.clusterIP);
});

test('the kernel has refused no change of the rules', () => {
  for (const worker of workers) {
    const log = readFileSync(join(cluster.dir, 'logs', `${worker}.log`), 'utf8');
    expect(log.split('\n').filter((line) => line.includes('rules not applied'))).toEqual([]);
  }
});

test('a load balancer has an address that moves to another node when its own is cut off', async () => {
  const address = await waitFor(
    'an address of the load balancer',
    async () => (await get('balanced')).status?.loadBalancer?.ingress?.[0]?.ip,
  );
  await waitFor('an answer', async () => (await ask(`http://${address}/`)) !== '');
  const holder = (await get('balanced')).metadata!.annotations!['trimast.io/announced-by']!;
  await onNode(holder, 'ip', 'link', 'set', 'eth0', 'down');
  const moved = await waitFor('another holder', async () => {
    const now = (await get('balanced')).metadata!.annotations!['trimast.io/announced-by'];
    return now !== holder && now;
  });
  expect(workers).toContain(moved);
  // Pods of the lost node count as endpoints until it is not ready; those of the new holder answer.
  await waitFor('an answer from the new holder', async () => (await ask(`http://${address}/`)) !== '', 60_000);
});
