/** Webhooks against a real HTTPS server in this process, by URL and as a Service. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/generated/types/admissionregistration-v1.ts';
import { ApiError } from '../../../api/status.ts';
import { type KubernetesObject, resources } from '../../../api/types.ts';
import { createCa, issueCertificate } from '../../../pki/certificate-authority.ts';
import { configMap, createTestApi, pod } from '../../testing/test-api.ts';

interface Review {
  uid: string;
  operation: string;
  name: string;
  namespace: string;
  kind: { kind: string; version: string };
  object: KubernetesObject & { data?: Record<string, string> };
  oldObject: KubernetesObject | null;
  dryRun: boolean;
  options: { kind: string };
  resource: { resource: string };
  requestResource: { resource: string; group: string };
  subResource?: string;
}
type Answer = (request: Review, path: string) => object | undefined;

let server: Server;
let answer: Answer;
let caBundle: string;
let sockets = 0;
const asked: (Review & { path: string })[] = [];

beforeAll(async () => {
  const ca = await createCa('hooks');
  const { certificatePem, keyPem } = await issueCertificate(ca, {
    commonName: 'hook',
    organizations: [],
    usages: ['server'],
    dnsNames: ['localhost', 'hook.default.svc'],
    ips: ['127.0.0.1'],
  });
  caBundle = Buffer.from(ca.certificatePem).toString('base64');
  server = createServer({ cert: certificatePem, key: keyPem }, async (request, response) => {
    const { request: review } = (await json(request)) as { request: Review };
    const path = request.url!.split('?')[0]!;
    asked.push({ ...review, path });
    const said = answer(review, path);
    // Undefined: no answer at all.
    if (!said) return;
    response.setHeader('content-type', 'application/json');
    const body = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: review.uid, ...said } };
    response.end(JSON.stringify(body));
  });
  server.on('connection', () => sockets++);
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

beforeEach(() => {
  asked.length = 0;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const port = () => (server.address() as AddressInfo).port;
const patchOf = (...operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

type Hook = Partial<MutatingWebhook & ValidatingWebhook> & { readonly path?: string };

async function apiWith(
  kind: 'Mutating' | 'Validating',
  hooks: readonly Hook[],
  rules: Hook['rules'] = [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
) {
  const { client, api } = await createTestApi({
    connectService: ({ name, port: servicePort }) => {
      if (name !== 'hook' || servicePort !== 8443) return Promise.reject(new Error(`service "${name}" not found`));
      return Promise.resolve(connect(port(), '127.0.0.1'));
    },
  });
  const resource = `${kind.toLowerCase()}webhookconfigurations`;
  const configurations = { group: 'admissionregistration.k8s.io', version: 'v1', resource };
  const webhooks = hooks.map(({ path = '/', ...hook }, index) => ({
    name: `h${index}.example.com`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules,
    clientConfig: { url: `https://127.0.0.1:${port()}${path}`, caBundle },
    ...hook,
  }));
  const object = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: 'c' },
  };
  await client.create(configurations, { ...object, webhooks } as never);
  return { client, api, configurations };
}

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };

test('a validating webhook is asked with all that it needs to know, and its refusal is told under its name', async () => {
  const { client } = await apiWith('Validating', [{}]);
  answer = ({ object, operation }) =>
    operation === 'CREATE' && object.data?.bad
      ? { allowed: false, status: { message: 'no bad data', code: 409, reason: 'Conflict' } }
      : { allowed: true };
  await client.create(configMaps, configMap('good', { a: '1' }));
  expect(asked).toMatchObject([
    {
      operation: 'CREATE',
      name: 'good',
      namespace: 'default',
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      userInfo: { username: 'admin' },
      object: { kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  ]);
  const refused = client.create(configMaps, configMap('bad', { bad: 'x' }));
  await expect(refused).rejects.toMatchObject({
    reason: 'Conflict',
    code: 409,
    message: 'admission webhook "h0.example.com" denied the request: no bad data',
  });
  await expect(client.get(configMaps, { name: 'bad', namespace: 'default' })).rejects.toThrow('not found');
});

test('updates and deletions come with the old object', async () => {
  const { client } = await apiWith('Validating', [{}]);
  answer = ({ operation }) => ({ allowed: operation !== 'DELETE' });
  await client.create(configMaps, configMap('c', { a: '1' }));
  await client.update(configMaps, configMap('c', { a: '2' }) as never);
  const key = { name: 'c', namespace: 'default' };
  await expect(client.delete(configMaps, key)).rejects.toThrow('denied the request without explanation');
  expect(asked.map(({ operation, object, oldObject }) => [operation, object?.data, oldObject?.data])).toEqual([
    ['CREATE', { a: '1' }, undefined],
    ['UPDATE', { a: '2' }, { a: '1' }],
    ['DELETE', undefined, { a: '2' }],
  ]);
});

test('mutating webhooks come one after the other; unknown fields of their patches are dropped, defaults are filled in', async () => {
  const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
  const { client } = await apiWith('Mutating', [{ path: '/1' }, { path: '/2' }], rules);
  answer = ({ object }, path) =>
    path === '/1'
      ? patchOf(
          { op: 'add', path: '/spec/initContainers', value: [{ name: 'i', image: 'x', nonsense: 1 }] },
          { op: 'add', path: '/metadata/labels', value: { one: 'yes' } },
        )
      : patchOf({ op: 'add', path: '/metadata/labels/two', value: String(object.metadata?.labels?.one) });
  const made = (await client.create(resources.pods, pod('p') as never)) as KubernetesObject;
  expect(made.metadata?.labels).toEqual({ one: 'yes', two: 'yes' });
  const [init] = (made.spec as { initContainers: Record<string, unknown>[] }).initContainers;
  expect(init).toMatchObject({ terminationMessagePath: '/dev/termination-log', volumeMounts: [{ readOnly: true }] });
  expect(init).not.toHaveProperty('nonsense');
});

test('who asks for it is called again once a later one has changed the object', async () => {
  const again = 'IfNeeded';
  const { client } = await apiWith('Mutating', [{ path: '/1', reinvocationPolicy: again }, { path: '/2' }]);
  answer = (_, path) => (path === '/2' ? patchOf({ op: 'add', path: '/data/two', value: '2' }) : { allowed: true });
  await client.create(configMaps, configMap('c', { a: '1' }));
  expect(asked.map(({ path, object }) => [path, object.data])).toEqual([
    ['/1', { a: '1' }],
    ['/2', { a: '1' }],
    ['/1', { a: '1', two: '2' }],
  ]);
});

test('failure policy: closed is an internal error, open goes on; no answer in time is a failure', async () => {
  const dead = { url: 'https://127.0.0.1:1/x', caBundle };
  const closed = await apiWith('Validating', [{ clientConfig: dead }]);
  const failed = closed.client.create(configMaps, configMap('c'));
  await expect(failed).rejects.toMatchObject({ reason: 'InternalError', code: 500 });
  await expect(failed).rejects.toThrow(
    /^Internal error occurred: failed calling webhook "h0.example.com": failed to call webhook: Post "https:\/\/127.0.0.1:1\/x\?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused$/,
  );
  const open = await apiWith('Validating', [{ clientConfig: dead, failurePolicy: 'Ignore' }]);
  await open.client.create(configMaps, configMap('c'));
  answer = () => undefined;
  const slow = await apiWith('Validating', [{ timeoutSeconds: 1 }]);
  await expect(slow.client.create(configMaps, configMap('c'))).rejects.toThrow('context deadline exceeded');
});

test('answers that do not fit the question are failures', async () => {
  const { client } = await apiWith('Validating', [{}]);
  for (const [said, why] of [
    [{ uid: 'other', allowed: true }, 'expected response.uid='],
    [patchOf(), 'validating webhook may not return response.patch'],
  ] as const) {
    answer = () => said;
    await expect(client.create(configMaps, configMap('c'))).rejects.toThrow(why);
  }
});

test('namespace and object selectors; Exact does not match another version; scope', async () => {
  const { client } = await apiWith('Validating', [
    { path: '/namespace', namespaceSelector: { matchLabels: { team: 'a' } } },
    { path: '/object', objectSelector: { matchLabels: { app: 'web' } } },
    {
      path: '/cluster',
      rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: 'Cluster' }],
    },
  ]);
  answer = () => ({ allowed: true });
  await client.create(configMaps, configMap('c', {}, { app: 'web' }));
  await client.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'n', labels: { team: 'a' } },
  });
  await client.create(configMaps, { ...configMap('c'), metadata: { name: 'c', namespace: 'n' } });
  expect(asked.map(({ path, namespace, name }) => `${path} ${namespace}/${name}`)).toEqual([
    '/object default/c',
    '/cluster n/n',
    '/namespace n/c',
  ]);
});

test('an equivalent resource is shown in the version that was asked for', async () => {
  const rules = [
    {
      operations: ['CREATE'],
      apiGroups: ['autoscaling'],
      apiVersions: ['v1'],
      resources: ['horizontalpodautoscalers'],
    },
  ];
  const { client } = await apiWith(
    'Validating',
    [{ path: '/equivalent' }, { path: '/exact', matchPolicy: 'Exact' }],
    rules,
  );
  answer = () => ({ allowed: true });
  await client.create({ group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' }, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'default' },
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
    },
  } as never);
  expect(asked).toMatchObject([
    {
      path: '/equivalent',
      kind: { version: 'v1' },
      requestKind: { version: 'v2' },
      object: { apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 50 } },
    },
  ]);
});

test('a Service is reached by its name, over connections that are kept', async () => {
  const service = { name: 'hook', namespace: 'default', port: 8443, path: '/svc' };
  const { client } = await apiWith('Validating', [{ clientConfig: { service, caBundle } }]);
  answer = () => ({ allowed: true });
  const before = sockets;
  for (const name of ['a', 'b', 'c']) await client.create(configMaps, configMap(name));
  expect([sockets - before, asked.length, asked[0]!.path]).toEqual([1, 3, '/svc']);
  const missing = await apiWith('Validating', [{ clientConfig: { service: { ...service, name: 'none' }, caBundle } }]);
  await expect(missing.client.create(configMaps, configMap('a'))).rejects.toThrow(
    'failed to call webhook: Post "https://none.default.svc:8443/svc?timeout=10s": service "none" not found',
  );
});

test('webhook configurations are beyond the reach of webhooks', async () => {
  const everything = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
  const { client, configurations } = await apiWith('Validating', [{}], everything);
  answer = () => ({ allowed: false });
  await client.delete(configurations, { name: 'c' });
  await client.create(configMaps, configMap('free'));
  expect(asked).toEqual([]);
});

test('a dry run only asks those without side effects', async () => {
  const { api } = await apiWith('Validating', [{ sideEffects: 'NoneOnDryRun' }]);
  answer = () => ({ allowed: true });
  const context = { user: { name: 'u', groups: ['system:masters'] } };
  await api.create(
    context,
    { resource: configMaps, namespace: 'default' },
    { object: configMap('d') },
    { dryRun: true },
  );
  expect(asked).toMatchObject([{ dryRun: true, options: { dryRun: ['All'] } }]);
});

test('connections are judged before they are made', async () => {
  const rules = [{ operations: ['CONNECT'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/attach'] }];
  const { api, client } = await apiWith('Validating', [{}], rules);
  await client.create(resources.pods, pod('p') as never);
  answer = () => ({ allowed: false, status: { message: 'attaching to pods is not allowed' } });
  const target = { resource: resources.pods, namespace: 'default', name: 'p', subresource: 'attach' };
  const object = { kind: 'PodAttachOptions', apiVersion: 'v1', stdin: true };
  const kind = { group: '', version: 'v1', kind: 'PodAttachOptions' };
  const context = { user: { name: 'u', groups: ['system:masters'] } };
  await expect(api.connect(context, target, object, kind)).rejects.toBeInstanceOf(ApiError);
  expect(asked).toMatchObject([
    { operation: 'CONNECT', subResource: 'attach', kind: { kind: 'PodAttachOptions' }, object },
  ]);
});
