/** Every kubectl that this machine has, unchanged, through the commands that people use most. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const [newest] = [...kubectls].sort(([a], [b]) => Number(b) - Number(a));

/** What is asked less often, in one session with the newest kubectl; each test stands on the ones before it. */
describe.skipIf(!newest)(`kubectl 1.${newest?.[0]}, a longer session`, () => {
  const namespace = 'session';
  const folder = mkdtempSync(join(tmpdir(), 'trimast-kubectl-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const attempt = (args: string[], input?: string) => cluster.tryKubectl(['-n', namespace, ...args], input);
  const kubectl = async (...args: string[]) => {
    const output = await attempt(args);
    if (output.code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${output.code}: ${output.stderr}`);
    return output.stdout;
  };
  /** What it says when it fails. */
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await attempt(args);
    expect(code).toBe(1);
    return stderr.trim();
  };
  const jsonPath = (object: string, path: string) => kubectl('get', object, '-o', `jsonpath={${path}}`);
  const busybox = ['--image=trimast.local/busybox', '--image-pull-policy=IfNotPresent'];
  const shell = (script: string) => ['--', 'sh', '-c', script];
  const forever = 'trap exit TERM; while true; do sleep 0.1; done';

  beforeAll(() => cluster.useKubectl(newest![1]));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('create makes every kind it knows', async () => {
    expect(await cluster.kubectl(`create namespace ${namespace}`)).toBe(`namespace/${namespace} created\n`);
    for (const [args, made] of [
      ['configmap settings --from-literal=a=b', 'configmap/settings'],
      ['secret generic password --from-literal=p=secret', 'secret/password'],
      ['serviceaccount bot', 'serviceaccount/bot'],
      ['service clusterip front --tcp=80:8080', 'service/front'],
      ['quota few --hard=pods=100', 'resourcequota/few'],
      ['role reader --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/reader'],
      ['priorityclass session-high --value=1000', 'priorityclass.scheduling.k8s.io/session-high'],
    ] as const) {
      expect(await kubectl('create', ...args.split(' '))).toBe(`${made} created\n`);
    }
    expect(await kubectl('describe', 'secret', 'password')).toMatch(/p: +6 bytes/);
    await kubectl('run', 'crashing', ...busybox, ...shell('echo started; exit 3'));
    await kubectl('run', 'unpullable', '--image=registry.invalid/none:1');
    await kubectl('run', 'unplaceable', ...busybox, '--overrides={"spec":{"nodeSelector":{"no":"where"}}}');
    await kubectl('run', 'steady', ...busybox, '--labels=app=steady', '--port=8080', ...shell(forever));
    expect(await kubectl('expose', 'pod', 'steady', '--port=80')).toBe('service/steady exposed\n');
  });

  test('apply, diff, replace and edit', async () => {
    const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: app, namespace: ${namespace}, labels: { keep: "1", drop: "1" } }
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      hostNetwork: false
      containers:
      - name: main
        image: trimast.local/busybox
        imagePullPolicy: IfNotPresent
        command: [sh, -c, '${forever}']
        env: [{ name: A, value: "1" }, { name: B, value: "2" }]
`;
    const whole = file('whole.yaml', deployment);
    const less = file('less.yaml', deployment.replace(', drop: "1"', '').replace(', { name: B, value: "2" }', ''));
    await kubectl('apply', '-f', whole);
    // A diff whose object changes under it takes kubectl five seconds of retries.
    await kubectl('rollout', 'status', 'deployment/app', '--timeout=60s');
    // Empty means absent, as in Kubernetes.
    expect(await jsonPath('deployment/app', '.spec.template.spec.hostNetwork')).toBe('');
    expect(await kubectl('diff', '-f', whole)).toBe('');
    const difference = await attempt(['diff', '-f', less]);
    expect([difference.code, difference.stdout]).toEqual([1, expect.stringMatching(/^- +drop: "1"$/m)]);
    expect(await kubectl('apply', '--dry-run=server', '-f', less)).toBe(
      'deployment.apps/app configured (server dry run)\n',
    );
    expect(await jsonPath('deployment/app', '.metadata.labels')).toBe('{"drop":"1","keep":"1"}');
    await kubectl('apply', '-f', less);
    expect(await jsonPath('deployment/app', '.metadata.labels')).toBe('{"keep":"1"}');
    expect(await jsonPath('deployment/app', '.spec.template.spec.containers[0].env[*].name')).toBe('A');
    expect(await kubectl('apply', '--server-side', '--dry-run=server', '-f', less)).toBe(
      'deployment.apps/app serverside-applied (server dry run)\n',
    );
    const settings = file(
      'settings.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { c: d }',
    );
    expect(await kubectl('replace', '-f', settings)).toBe('configmap/settings replaced\n');
    expect(await jsonPath('configmap/settings', '.data')).toBe('{"c":"d"}');
    expect(await kubectl('replace', '--force', '-f', whole)).toContain('deployment.apps/app replaced\n');
    process.env.KUBE_EDITOR = 'sed -i s/replicas:.1/replicas:\\ 2/';
    expect(await kubectl('edit', 'deployment', 'app')).toBe('deployment.apps/app edited\n');
    delete process.env.KUBE_EDITOR;
    expect(await jsonPath('deployment/app', '.spec.replicas')).toBe('2');
    expect(await refusal('apply', '-f', file('typo.yaml', deployment.replace('hostNetwork', 'hostNetwrok')))).toContain(
      'unknown field "spec.template.spec.hostNetwrok"',
    );
    expect(await refusal('create', '-f', whole)).toContain('deployments.apps "app" already exists');
  });

  test('rollouts: status, history, undo to a revision, pause, restart', async () => {
    const settled = () => kubectl('rollout', 'status', 'deployment/app', '--timeout=60s');
    await settled();
    await kubectl('annotate', 'deployment', 'app', 'kubernetes.io/change-cause=more');
    expect(await kubectl('set', 'resources', 'deployment/app', '--requests=cpu=1m')).toContain('updated');
    await settled();
    const history = (await kubectl('rollout', 'history', 'deployment/app')).split('\n');
    expect(history[1]).toBe('REVISION  CHANGE-CAUSE');
    expect(history[3]).toBe('2         more');
    expect(await kubectl('rollout', 'history', 'deployment/app', '--revision=2')).toMatch(/cpu:\s+1m/);
    await kubectl('rollout', 'undo', 'deployment/app', '--to-revision=1');
    await settled();
    expect(await jsonPath('deployment/app', '.spec.template.spec.containers[0].resources')).toBe('{}');
    expect(await refusal('rollout', 'undo', 'deployment/app', '--to-revision=9')).toContain('unable to find');
    await kubectl('rollout', 'pause', 'deployment/app');
    expect(await refusal('rollout', 'restart', 'deployment/app')).toContain("can't restart paused deployment");
    await kubectl('rollout', 'resume', 'deployment/app');
    await kubectl('rollout', 'restart', 'deployment/app');
    await settled();
    expect(await refusal('scale', 'deployment/app', '--replicas=1', '--current-replicas=7')).toContain(
      'Expected replicas to be 7, was 2',
    );
    expect(await jsonPath('deployment/app', '.status.unavailableReplicas')).toBe('');
  });

  test('selectors, pages, columns and refusals of get, label and patch', async () => {
    const names = async (...args: string[]) => (await kubectl('get', 'pods', '-o', 'name', ...args)).trim().split('\n');
    expect(await names('-l', 'app in (steady, x), !none')).toEqual(['pod/steady']);
    expect(await names('-l', 'app!=app', '--chunk-size=2')).toEqual([
      'pod/crashing',
      'pod/steady',
      'pod/unplaceable',
      'pod/unpullable',
    ]);
    expect(await names('--field-selector=status.phase=Running,metadata.name=steady')).toEqual(['pod/steady']);
    expect(await refusal('get', 'pods', '--field-selector=no=thing')).toContain('field label not supported: no');
    expect(await kubectl('get', 'pod', 'steady', '-o', 'custom-columns=N:.metadata.name', '--no-headers')).toBe(
      'steady\n',
    );
    expect((await kubectl('get', 'pod', 'steady', '--show-labels')).split('\n')[1]).toMatch(/app=steady$/);
    expect(await refusal('label', 'pod', 'steady', 'app=other')).toContain('already has a value (steady)');
    expect(await kubectl('label', 'pod', 'steady', 'tier=front')).toBe('pod/steady labeled\n');
    expect(await kubectl('label', 'pod', 'steady', 'tier-')).toBe('pod/steady unlabeled\n');
    expect(await kubectl('patch', 'pod', 'steady', '-p', '{}')).toBe('pod/steady patched (no change)\n');
    expect(await refusal('patch', 'deployment', 'app', '-p', '{"spec":{"replicas":"x"}}')).toContain(
      'cannot unmarshal string',
    );
    const selector = '{"spec":{"selector":{"matchLabels":{"app":"x"}}}}';
    expect(await refusal('patch', 'deployment', 'app', '-p', selector)).toContain('field is immutable');
    const { stdout, stderr } = await attempt(['get', 'endpoints', 'steady']);
    expect([stdout.split('\n')[0], stderr]).toEqual([
      expect.stringMatching(/^NAME +ENDPOINTS +AGE$/),
      'Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n',
    ]);
  });

  test('pods that do not work say why: get, describe, events, logs', async () => {
    const status = async (pod: string) => (await kubectl('get', 'pod', pod, '--no-headers')).split(/ +/)[2];
    await waitFor('the crash', async () => (await status('crashing')) === 'CrashLoopBackOff');
    await waitFor('the failed pull', async () => (await status('unpullable')) === 'ImagePullBackOff');
    const crashing = await kubectl('describe', 'pod', 'crashing');
    expect(crashing).toMatch(/Last State: +Terminated\n +Reason: +Error\n +Exit Code: +3\n/);
    expect(crashing).toMatch(/Back-off restarting failed container crashing in pod crashing_session\([0-9a-f-]{36}\)/);
    expect(crashing).toMatch(/Started +\S+ \(x\d+ over \S+\) +kubelet/);
    expect(await kubectl('logs', 'crashing', '--previous')).toBe('started\n');
    expect(await refusal('logs', 'unpullable')).toBe(
      'Error from server (BadRequest): container "unpullable" in pod "unpullable" is waiting to start: ' +
        'trying and failing to pull image',
    );
    const events = await kubectl('get', 'events', '--field-selector=involvedObject.name=unpullable', '-o', 'json');
    expect(
      JSON.parse(events)
        .items.map(({ reason }: { reason: string }) => reason)
        .slice(0, 4),
    ).toEqual(['Scheduled', 'Pulling', 'Failed', 'Failed']);
    expect(await kubectl('describe', 'pod', 'unplaceable')).toMatch(
      /FailedScheduling .* 0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./,
    );
    expect(await kubectl('events', '--for', 'pod/steady')).toContain('Started container steady');
  });

  test('exec in a terminal, cp both ways, port-forward, attach', async () => {
    const terminal = (command: string) => ['-qec', command, '/dev/null'];
    const program = `${newest![1]} --kubeconfig ${cluster.kubeconfig} -n ${namespace}`;
    const tty = spawn('script', terminal(`${program} exec -it steady -- sh -c 'tty; exit 4'`), { stdio: 'pipe' });
    const [shown, [code]] = await Promise.all([read(tty), once(tty, 'exit')]);
    expect([shown, code]).toEqual([expect.stringContaining('/dev/pts/0'), 4]);

    const original = file('original', 'x'.repeat(100_000));
    await kubectl('cp', original, 'steady:/tmp/copy');
    await kubectl('cp', 'steady:/tmp/copy', join(folder, 'copy'));
    expect(readFileSync(join(folder, 'copy'), 'utf8')).toBe(readFileSync(original, 'utf8'));

    await kubectl('exec', 'steady', ...shell('mkdir /www; echo page > /www/index.html; httpd -p 8080 -h /www'));
    const forwarding = cluster.spawnKubectl(['-n', namespace, 'port-forward', 'steady', ':8080']);
    try {
      const port = await waitFor('the port', async () => /127.0.0.1:(\d+) /.exec(await firstChunk(forwarding))?.[1]);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page\n');
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page\n');
    } finally {
      forwarding.kill();
    }
    const hidden = await refusal('exec', 'steady', '--', 'no-such-program');
    expect(hidden).toContain('executable file not found in $PATH');
    expect(await refusal('exec', 'unplaceable', '--', 'ls')).toContain('pod unplaceable does not have a host assigned');
  });

  test('taint, cordon, drain by eviction, uncordon', async () => {
    const node = await jsonPath('pod/steady', '.spec.nodeName');
    expect(await kubectl('taint', 'node', node, 'k=v:NoSchedule')).toBe(`node/${node} tainted\n`);
    expect(await kubectl('taint', 'node', node, 'k:NoSchedule-')).toBe(`node/${node} untainted\n`);
    expect(await kubectl('cordon', node)).toBe(`node/${node} cordoned\n`);
    expect(await cluster.kubectl(`get node ${node}`)).toContain('Ready,SchedulingDisabled');
    expect(await refusal('drain', node)).toContain('cannot delete Pods that declare no controller');
    const drained = await kubectl('drain', node, '--force', '--grace-period=1', '--timeout=60s');
    expect(drained).toContain('pod/steady evicted\n');
    expect(drained).toContain(`node/${node} drained\n`);
    expect(await kubectl('uncordon', node)).toBe(`node/${node} uncordoned\n`);
    await kubectl('rollout', 'status', 'deployment/app', '--timeout=60s');
  });

  test('who may do what, what is served, and clean errors for what is not', async () => {
    expect(await kubectl('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    expect((await attempt(['auth', 'can-i', 'create', 'pods', '--as=nobody'])).stdout).toBe('no\n');
    expect(await kubectl('auth', 'whoami')).toMatch(/Username +kubernetes-admin/);
    expect(await refusal('get', 'pods', '--as=nobody')).toContain('pods is forbidden: User "nobody" cannot list');
    expect((await kubectl('api-versions')).split('\n')).toContain('apps/v1');
    expect(await kubectl('cluster-info')).toContain('Kubernetes control plane is running at https://');
    expect(await kubectl('get', '--raw', '/readyz?verbose')).toContain('readyz check passed');
    expect(await kubectl('explain', 'deployment', '--recursive')).toMatch(/hostNetwork\t<boolean>/);
    expect(await kubectl('top', 'nodes')).toMatch(/^NAME +CPU\(cores\)/);
    expect(await refusal('get', 'no-such-kind')).toContain(`the server doesn't have a resource type "no-such-kind"`);
    expect(await refusal('delete', 'namespace', 'kube-system')).toContain('this namespace may not be deleted');
  });

  test('wait and delete: for what, with which cascade, at once', async () => {
    await kubectl('run', 'brief', ...busybox, ...shell(forever));
    expect(await kubectl('wait', 'pod/brief', '--for=condition=Ready', '--timeout=30s')).toBe(
      'pod/brief condition met\n',
    );
    expect(await kubectl('wait', 'pod/brief', '--for=jsonpath={.status.phase}=Running', '--timeout=30s')).toBe(
      'pod/brief condition met\n',
    );
    const gone = kubectl('wait', 'pod/brief', '--for=delete', '--timeout=30s');
    expect(await kubectl('delete', 'pod', 'brief', '--grace-period=0', '--force')).toContain('force deleted');
    await gone;
    const podsOfApp = async () =>
      (await kubectl('get', 'pods', '-l', 'app=app', '-o', 'name')).split('\n').filter(Boolean);
    const pods = await waitFor('two pods', async () => {
      const all = await podsOfApp();
      return all.length === 2 && all;
    });
    await kubectl('delete', 'deployment', 'app', '--cascade=orphan');
    expect(await podsOfApp()).toEqual(pods);
    await kubectl('delete', 'replicasets', '-l', 'app=app', '--cascade=foreground');
    expect(await podsOfApp()).toEqual([]);
    expect(await kubectl('delete', 'configmap', 'none', '--ignore-not-found')).toBe('');
    await kubectl('delete', 'pods', '--all', '--now');
    await cluster.kubectl(`delete namespace ${namespace} --timeout=60s`);
    await cluster.kubectl('delete priorityclass session-high');
  });
});

async function read(child: ChildProcess): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout!) output += chunk;
  return output;
}

async function firstChunk(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout!, 'data');
  return String(chunk);
}
