/** Every kubectl that this machine has, unchanged, through the commands that people use most. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, findKubectls, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const kubectls = await findKubectls();

beforeAll(async () => {
  await cluster.up();
});

afterAll(async () => {
  await cluster.destroy();
});

test('at least one kubectl is on this machine', () => {
  expect([...kubectls.keys()]).not.toEqual([]);
});

const manifest = (namespace: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { greeting: hello }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${namespace}, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: trimast.local/busybox
        env: [{ name: GREETING, valueFrom: { configMapKeyRef: { name: settings, key: greeting } } }]
        command: [sh, -c, 'echo "$GREETING"; i=0; while true; do echo line $i; i=$((i+1)); sleep 1; done']
`;

describe.each([...kubectls])('kubectl 1.%s', (minor, binary) => {
  const namespace = `kubectl-${minor}`;
  const kubectl = (args: string, input?: string) => cluster.kubectl(`-n ${namespace} ${args}`, input);
  /** The pods of `web` once those of earlier rollouts are gone: `rollout status` does not wait for these. */
  const settledPods = () =>
    waitFor('as many pods as replicas', async () => {
      const pods = (await kubectl('get pods -l app=web -o name')).trim().split('\n');
      return pods.length === Number(await kubectl('get deployment web -o jsonpath={.spec.replicas}')) && pods;
    });

  beforeAll(() => cluster.useKubectl(binary));

  test('apply creates, applies again without a change, then with one', async () => {
    await cluster.kubectl('apply -f -', `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }`);
    expect(await kubectl('apply -f -', manifest(namespace))).toBe(
      'configmap/settings created\ndeployment.apps/web created\n',
    );
    expect(await kubectl('apply -f -', manifest(namespace))).toBe(
      'configmap/settings unchanged\ndeployment.apps/web unchanged\n',
    );
    expect(await kubectl('apply -f -', manifest(namespace).replace('replicas: 2', 'replicas: 3'))).toBe(
      'configmap/settings unchanged\ndeployment.apps/web configured\n',
    );
    expect(await kubectl('rollout status deployment/web --timeout=60s')).toContain('successfully rolled out');
  });

  test('get prints the columns of Kubernetes: plain, wide, yaml, names, jsonpath, sorted', async () => {
    expect((await kubectl('get pods')).split('\n')[0]).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE$/);
    expect((await kubectl('get pods -o wide')).split('\n')[0]).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES$/,
    );
    expect((await kubectl('get deployments -o wide')).split('\n')[0]).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR$/,
    );
    expect((await cluster.kubectl('get nodes -o wide')).split('\n')[0]).toMatch(
      /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME$/,
    );
    expect(await kubectl('get deployment web -o yaml')).toContain('kind: Deployment\n');
    expect(await kubectl('get deployments -o name')).toBe('deployment.apps/web\n');
    expect(await kubectl('get deployment web -o jsonpath={.spec.replicas}')).toBe('3');
    expect((await kubectl('get pods --sort-by=.metadata.name')).trim().split('\n')).toHaveLength(4);
    expect(await kubectl('get pods -l app=none')).toBe('');
    expect((await kubectl('get all')).includes('replicaset.apps/web-')).toBe(true);
  });

  test('get --watch shows changes as they happen', async () => {
    const watching = cluster.spawnKubectl(['-n', namespace, 'get', 'configmaps', '--watch', '--output-watch-events']);
    let output = '';
    watching.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    try {
      await waitFor('the first rows', async () => output.includes('settings'));
      await kubectl('create -f -', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: watched }');
      await kubectl('delete configmap watched');
      await waitFor('both events', async () => /ADDED +watched/.test(output) && /DELETED +watched/.test(output));
    } finally {
      watching.kill();
    }
  });

  test('describe tells about deployment, pod, node and namespace, with events', async () => {
    const deployment = await kubectl('describe deployment web');
    for (const part of [
      'Replicas:',
      'StrategyType:',
      'RollingUpdate',
      'Conditions:',
      'NewReplicaSet:',
      'ScalingReplicaSet',
    ]) {
      expect(deployment).toContain(part);
    }
    const [pod] = (await kubectl('get pods -o name')).trim().split('\n');
    const description = await kubectl(`describe ${pod}`);
    for (const part of ['Status:           Running', 'Container ID:', 'containerd://', 'Scheduled', 'Started'])
      expect(description).toContain(part);
    expect(await cluster.kubectl('describe nodes')).toContain('Allocated resources:');
    expect(await cluster.kubectl(`describe namespace ${namespace}`)).toContain('Status:       Active');
  });

  test('scale, label, annotate, patch, set image and rollout undo', async () => {
    expect(await kubectl('scale deployment/web --replicas=2')).toBe('deployment.apps/web scaled\n');
    expect(await kubectl('label deployment web tier=front')).toBe('deployment.apps/web labeled\n');
    expect(await kubectl('annotate deployment web note=x')).toMatch(/^deployment.apps\/web annotated?\n$/);
    expect(
      await kubectl('patch deployment web --type=json -p [{"op":"remove","path":"/metadata/labels/tier"}]'),
    ).toContain('patched');
    expect(await kubectl('patch deployment web --type=merge -p {"metadata":{"labels":{"tier":"back"}}}')).toContain(
      'patched',
    );
    expect(await kubectl('set env deployment/web EXTRA=1')).toContain('env updated');
    await kubectl('rollout status deployment/web --timeout=60s');
    expect(await kubectl('rollout undo deployment/web')).toContain('rolled back');
    await kubectl('rollout status deployment/web --timeout=60s');
    expect(await kubectl('get deployment web -o jsonpath={.spec.template.spec.containers[0].env[*].name}')).toBe(
      'GREETING',
    );
    await kubectl('rollout restart deployment/web');
    await kubectl('rollout status deployment/web --timeout=60s');
  });

  test('logs, logs --tail, logs -f', async () => {
    const [pod] = await settledPods();
    await waitFor('three lines', async () => (await kubectl(`logs ${pod}`)).includes('line 2'));
    expect((await kubectl(`logs ${pod}`)).startsWith('hello\nline 0\n')).toBe(true);
    expect((await kubectl(`logs ${pod} --tail=1`)).trim().split('\n')).toHaveLength(1);
    const following = cluster.spawnKubectl(['-n', namespace, 'logs', '-f', pod!, '--tail=1']);
    let output = '';
    following.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    try {
      await waitFor('lines as they come', async () => output.split('\n').length > 3);
    } finally {
      following.kill();
    }
  });

  test('exec: output, exit code, stdin to its end', async () => {
    const name = (await settledPods())[0]!.replace('pod/', '');
    const exec = (command: string[], input?: string, flags: string[] = []) =>
      cluster.tryKubectl(['-n', namespace, 'exec', ...flags, name, '--', ...command], input);
    expect(await exec(['sh', '-c', 'echo out; echo err >&2'])).toMatchObject({
      code: 0,
      stdout: 'out\n',
      stderr: expect.stringContaining('err\n'),
    });
    expect((await exec(['sh', '-c', 'exit 7'])).code).toBe(7);
    const text = 'x'.repeat(200_000);
    expect((await exec(['wc', '-c'], text, ['-i'])).stdout.trim()).toBe(String(text.length));
  });

  test('wait, explain, api-resources, version', async () => {
    expect(await kubectl('wait --for=condition=Available deployment/web --timeout=30s')).toContain('condition met');
    expect(await kubectl('explain deployment.spec.replicas')).toMatch(/KIND: +Deployment/);
    expect(await kubectl('explain pod.spec.containers')).toContain('image');
    expect(await cluster.kubectl('api-resources')).toMatch(/deployments +deploy +apps\/v1 +true +Deployment/);
    expect(await cluster.kubectl('version')).toContain('Server Version');
  });

  test('delete removes a pod (replaced), then the namespace with everything in it', async () => {
    const [pod] = (await kubectl('get pods -l app=web -o name')).trim().split('\n');
    expect(await kubectl(`delete ${pod}`)).toContain('deleted');
    await kubectl('rollout status deployment/web --timeout=60s');
    expect(await cluster.kubectl(`delete namespace ${namespace} --timeout=60s`)).toContain('deleted');
    expect((await cluster.tryKubectl(['get', 'namespace', namespace])).stderr).toContain('NotFound');
  });
});
