/** A rolling update with `maxUnavailable: 0` never has fewer ready pods than asked, and answers all the time; undo returns. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReplicaSet } from '../src/api/generated/types/apps-v1.ts';
import type { Pod } from '../src/api/generated/types/core-v1.ts';
import { resources } from '../src/api/types.ts';
import { Cluster } from './support/cluster.ts';
import { connect } from './support/writer.ts';

const cluster = new Cluster();
const replicas = 4;

const deployment = (answer: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: trimast.local/busybox
        command: [sh, -c, 'mkdir /w && echo ${answer} > /w/index.html && exec httpd -f -p 8080 -h /w']
        readinessProbe: { httpGet: { port: 8080, path: / }, periodSeconds: 1 }
        lifecycle: { preStop: { exec: { command: [sleep, '1'] } } }
`;

const client: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'trimast.local/busybox', command: ['sleep', 'infinity'] }],
  },
};

beforeAll(async () => {
  await cluster.up();
  await cluster.kubectl('apply -f -', deployment('one'));
  await cluster.kubectl('apply -f -', JSON.stringify(client));
  await cluster.kubectl('rollout status deployment/web --timeout=60s');
  await cluster.kubectl('wait --for=condition=Ready pod/client --timeout=60s');
});

afterAll(async () => {
  await cluster.destroy();
});

const isReady = (pod: Pod) =>
  !pod.metadata?.deletionTimestamp &&
  pod.status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'True');

/** Follows the pods by watch and keeps the lowest number of ready ones ever seen. */
async function lowestReadyDuring(change: () => Promise<void>): Promise<{ lowest: number; answers: string[] }> {
  const api = connect(cluster.kubeconfig);
  const controller = new AbortController();
  const known = new Map<string, Pod>();
  const count = () => [...known.values()].filter(isReady).length;
  const options = { namespace: 'default', labelSelector: 'app=web' };
  const list = await api.list<Pod>(resources.pods, options);
  for (const pod of list.items) known.set(pod.metadata!.name!, pod);
  let lowest = count();
  const watching = (async () => {
    const watch = api.watch<Pod>(resources.pods, {
      ...options,
      resourceVersion: list.resourceVersion,
      signal: controller.signal,
    });
    for await (const event of watch) {
      if (event.type === 'DELETED') known.delete(event.object.metadata!.name!);
      else if (event.type === 'ADDED' || event.type === 'MODIFIED')
        known.set(event.object.metadata!.name!, event.object);
      lowest = Math.min(lowest, count());
    }
  })();
  const answers: string[] = [];
  const asking = (async () => {
    while (!controller.signal.aborted) {
      for (const pod of [...known.values()].filter(isReady)) {
        const script = `exec client -- timeout 2 wget -q -O - http://${pod.status!.podIP}:8080/`;
        const output = await cluster.tryKubectl(script.split(' '));
        answers.push(output.code === 0 ? output.stdout.trim() : `failed: ${output.stderr}`);
      }
    }
  })();
  await change();
  controller.abort();
  await Promise.allSettled([watching, asking]);
  api.close();
  return { lowest, answers };
}

test('rolling update: never fewer ready pods than asked, and every ready pod answers', async () => {
  const { lowest, answers } = await lowestReadyDuring(async () => {
    await cluster.kubectl('apply -f -', deployment('two'));
    await cluster.kubectl('rollout status deployment/web --timeout=120s');
  });
  expect(lowest).toBeGreaterThanOrEqual(replicas);
  expect(answers.length).toBeGreaterThan(5);
  expect(answers.filter((answer) => answer !== 'one' && answer !== 'two')).toEqual([]);
  expect(answers).toContain('two');
});

test('rollout undo returns to the first template with its ReplicaSet, as a new revision', async () => {
  await cluster.kubectl('rollout undo deployment/web');
  await cluster.kubectl('rollout status deployment/web --timeout=120s');
  const { items } = await cluster.json<{ items: ReplicaSet[] }>('get replicasets -l app=web');
  expect(items).toHaveLength(2);
  const active = items.find((item) => item.spec?.replicas === replicas)!;
  expect(JSON.stringify(active.spec?.template?.spec?.containers)).toContain('echo one');
  expect(active.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  expect(await cluster.kubectl('rollout history deployment/web')).toMatch(/2\s+<none>\n3\s+<none>/);
});

test('rollout pause holds a change back until resume', async () => {
  await cluster.kubectl('rollout pause deployment/web');
  await cluster.kubectl('apply -f -', deployment('three'));
  await cluster.kubectl('wait --for=condition=Progressing=Unknown deployment/web --timeout=10s');
  expect((await cluster.json<{ items: ReplicaSet[] }>('get replicasets -l app=web')).items).toHaveLength(2);
  await cluster.kubectl('rollout resume deployment/web');
  await cluster.kubectl('rollout status deployment/web --timeout=120s');
});
