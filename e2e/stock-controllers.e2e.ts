/** Stock kube-controller-manager and kube-scheduler run unchanged against our API server. Needs their binaries; without them it says so. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';
import { findStockComponents, type StockComponents, startStockComponents } from './support/stock-components.ts';

const folder = findStockComponents();
const why = folder
  ? ''
  : ' (skipped: no kube-controller-manager and kube-scheduler in TRIMAST_KUBERNETES_BIN or on PATH)';
const cluster = new Cluster();
let stock: StockComponents;

beforeAll(async () => {
  if (!folder) return;
  await cluster.up('--masters', '1', '--workers', '1', '--disable', 'scheduler,controllers');
  stock = await startStockComponents(folder, cluster);
});
afterAll(async () => {
  if (!folder) return;
  await stock?.stop();
  await cluster.destroy();
});

const template = (app: string, command: string[], restartPolicy = 'Always') => ({
  metadata: { labels: { app } },
  spec: {
    restartPolicy,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: 'trimast.local/busybox', command }],
  },
});
const sleep = ['sleep', 'infinity'];
const named = (apiVersion: string, kind: string, name: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});
const selecting = (app: string, extra: object = {}) => ({
  selector: { matchLabels: { app } },
  template: template(app, sleep),
  ...extra,
});

test.skipIf(!folder)(`nodes become Ready and every kind of workload does its work${why}`, async () => {
  await cluster.kubectl('wait --for=condition=Ready nodes --all --timeout=120s');
  const objects = [
    named('apps/v1', 'Deployment', 'd', selecting('d', { replicas: 2 })),
    named('v1', 'Service', 'd', { selector: { app: 'd' }, ports: [{ port: 80 }] }),
    named('apps/v1', 'StatefulSet', 's', selecting('s', { replicas: 2, serviceName: 's' })),
    named('apps/v1', 'DaemonSet', 'n', selecting('n')),
    named('batch/v1', 'Job', 'j', { completions: 2, template: template('j', ['true'], 'Never') }),
    named('policy/v1', 'PodDisruptionBudget', 'b', { minAvailable: 1, selector: { matchLabels: { app: 'd' } } }),
    named('v1', 'ResourceQuota', 'q', { hard: { pods: '50' } }),
  ];
  await cluster.kubectl('apply -f -', objects.map((object) => JSON.stringify(object)).join('\n'));
  await cluster.kubectl('rollout status deployment/d --timeout=120s');
  await cluster.kubectl('rollout status statefulset/s --timeout=120s');
  await cluster.kubectl('rollout status daemonset/n --timeout=120s');
  await cluster.kubectl('wait --for=condition=Complete job/j --timeout=120s');
  await waitFor('a budget', async () => {
    const { status } = await cluster.json<{ status: { disruptionsAllowed: number } }>('get pdb b');
    return status.disruptionsAllowed === 1;
  });
  const slices = await cluster.kubectl('get endpointslices -l kubernetes.io/service-name=d -o name');
  expect(slices).toContain('endpointslice');
});

test.skipIf(!folder)(`a namespace goes with everything in it${why}`, async () => {
  await cluster.kubectl('create namespace n');
  await cluster.kubectl('-n n create configmap c --from-literal=a=b');
  await cluster.kubectl('delete namespace n --timeout=120s');
});

test.skipIf(!folder)(`neither of them had anything to complain of${why}`, () => {
  expect(stock.running()).toBe(true);
  // Upstream's own start meets conflicts; what is not there or not allowed would be ours.
  expect(stock.errors().filter((line) => /panic|forbidden|not found|could not find|unknown/i.test(line))).toEqual([]);
});
