import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ManagedFieldsEntry } from '../../api/generated/types/meta-v1.ts';
import { type GroupVersionResource, type KubernetesObject, resources } from '../../api/types.ts';
import type { WriteRequestOptions } from '../body.ts';
import { decodeFresh } from '../object-record.ts';
import type { ResourceApi } from '../resource-api.ts';
import { admin, configMap, createTestApi, pod } from '../testing/test-api.ts';

let api: ResourceApi;
let nowMs: number;
beforeEach(async () => {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  const clock = { nowMs: () => nowMs } as NonNullable<ConstructorParameters<typeof ResourceApi>[0]['clock']>;
  api = (await createTestApi({ clock })).api;
});

const context = { user: admin };
const { configMaps, deployments, pods } = resources;

type Options = WriteRequestOptions & { subresource?: string };
const target = (resource: GroupVersionResource, name: string, subresource?: string) =>
  ({ resource, namespace: 'default', name, subresource }) as const;

async function apply(resource: GroupVersionResource, object: KubernetesObject, manager: string, options: Options = {}) {
  const { subresource, ...write } = options;
  const body = { type: 'apply', patch: object } as const;
  const at = target(resource, object.metadata!.name!, subresource);
  return decodeFresh(await api.patch(context, at, body, { fieldManager: manager, ...write }));
}

async function update(
  resource: GroupVersionResource,
  object: KubernetesObject,
  manager: string,
  { subresource }: Options = {},
) {
  const at = target(resource, object.metadata!.name!, subresource);
  return decodeFresh(await api.update(context, at, { object }, { fieldManager: manager }));
}

async function create(resource: GroupVersionResource, object: KubernetesObject, options: WriteRequestOptions) {
  return decodeFresh(await api.create(context, { resource, namespace: 'default' }, { object }, options));
}

async function get(resource: GroupVersionResource, name: string) {
  return decodeFresh(await api.get(context, target(resource, name)));
}

function owners(object: KubernetesObject): Record<string, unknown> {
  const entries: ManagedFieldsEntry[] = object.metadata?.managedFields ?? [];
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
      fieldsV1,
    ]),
  );
}

function map(data: Record<string, string>, extra: object = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'default', ...extra }, data };
}

function deployment(spec: object = {}, template: object = {}): KubernetesObject {
  const containers = [{ name: 'main', image: 'busybox' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'd' } },
      template: { metadata: { labels: { app: 'd' } }, spec: { containers, ...template } },
      ...spec,
    },
  };
}

describe('writers that do not apply', () => {
  test('the creator owns what it wrote and what is the default, not what the server adds', async () => {
    const object = await create(pods, pod('p'), { userAgent: 'kubectl/v1.35.0 (linux/amd64)' });
    expect(object.metadata?.managedFields).toEqual([
      {
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        manager: 'kubectl',
        operation: 'Update',
        time: '2026-01-01T00:00:00Z',
        fieldsV1: {
          'f:spec': {
            'f:containers': {
              'k:{"name":"main"}': {
                '.': {},
                'f:image': {},
                'f:imagePullPolicy': {},
                'f:name': {},
                'f:resources': {},
                'f:terminationMessagePath': {},
                'f:terminationMessagePolicy': {},
              },
            },
            'f:dnsPolicy': {},
            'f:enableServiceLinks': {},
            'f:restartPolicy': {},
            'f:schedulerName': {},
            'f:securityContext': {},
            'f:terminationGracePeriodSeconds': {},
          },
        },
      },
    ]);
  });

  test('a Deployment as kubectl creates it', async () => {
    const object = await create(deployments, deployment(), { fieldManager: 'kubectl-create' });
    expect(owners(object)).toEqual({
      'kubectl-create Update': {
        'f:spec': {
          'f:progressDeadlineSeconds': {},
          'f:replicas': {},
          'f:revisionHistoryLimit': {},
          'f:selector': {},
          'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
          'f:template': {
            'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
            'f:spec': {
              'f:containers': {
                'k:{"name":"main"}': {
                  '.': {},
                  'f:image': {},
                  'f:imagePullPolicy': {},
                  'f:name': {},
                  'f:resources': {},
                  'f:terminationMessagePath': {},
                  'f:terminationMessagePolicy': {},
                },
              },
              'f:dnsPolicy': {},
              'f:restartPolicy': {},
              'f:schedulerName': {},
              'f:securityContext': {},
              'f:terminationGracePeriodSeconds': {},
            },
          },
        },
      },
    });
  });

  test('an update takes the fields that it changes from their owner; its time is that of the last change', async () => {
    await create(configMaps, map({ a: '1', b: '1' }), { fieldManager: 'one' });
    nowMs += 60_000;
    const object = await update(configMaps, map({ a: '2', b: '1', c: '1' }), 'two');
    expect(owners(object)).toEqual({
      'one Update': { 'f:data': { '.': {}, 'f:b': {} } },
      'two Update': { 'f:data': { 'f:a': {}, 'f:c': {} } },
    });
    expect(object.metadata?.managedFields?.map(({ time }) => time)).toEqual([
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:01:00Z',
    ]);
  });

  test('an update that changes nothing writes nothing, whoever sends it and whenever', async () => {
    const before = await create(configMaps, map({ a: '1' }), { fieldManager: 'one' });
    nowMs += 60_000;
    expect(await update(configMaps, map({ a: '1' }), 'two')).toEqual(before);
  });

  test('the status endpoint has an entry of its own, and the main one does not count what it ignores', async () => {
    const before = await create(deployments, deployment(), { fieldManager: 'one' });
    const status = { replicas: 3, observedGeneration: 1 };
    expect(await update(deployments, { ...before, status }, 'one')).toEqual(before);
    const object = await update(deployments, { ...before, status }, 'controller', { subresource: 'status' });
    expect(owners(object)['controller Update status']).toEqual({
      'f:status': { 'f:observedGeneration': {}, 'f:replicas': {} },
    });
  });

  test('the scale endpoint takes the replicas', async () => {
    await create(deployments, deployment(), { fieldManager: 'one' });
    const scale = { type: 'merge', patch: { spec: { replicas: 5 } } } as const;
    await api.patchScale(context, target(deployments, 'd', 'scale'), scale, { fieldManager: 'two' });
    const seen = owners(await get(deployments, 'd'));
    expect(seen['two Update scale']).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(seen['one Update']).not.toHaveProperty(['f:spec', 'f:replicas']);
  });

  test.each([
    ['an empty list', []],
    ['one empty entry', [{}]],
  ])('%s resets the managers; then nobody keeps track until the first apply', async (_, managedFields) => {
    const before = await create(configMaps, map({ a: '1' }), { fieldManager: 'one' });
    const reset = await update(configMaps, { ...before, metadata: { ...before.metadata, managedFields } }, 'one');
    expect(reset.metadata?.managedFields).toBeUndefined();
    const updated = await update(configMaps, map({ a: '2' }), 'two');
    expect(updated.metadata?.managedFields).toBeUndefined();
    const applied = await apply(configMaps, map({ b: '1' }), 'three');
    expect(owners(applied)).toEqual({
      'before-first-apply Update': { 'f:data': { '.': {}, 'f:a': {} } },
      'three Apply': { 'f:data': { 'f:b': {} } },
    });
  });

  test('a JSON patch may empty the list, too', async () => {
    await create(configMaps, map({ a: '1' }), { fieldManager: 'one' });
    const patch = [{ op: 'replace', path: '/metadata/managedFields', value: [] }];
    const record = await api.patch(context, target(configMaps, 'm'), { type: 'json', patch });
    expect(decodeFresh(record).metadata?.managedFields).toBeUndefined();
  });

  test('a client may move entries to another manager, as kubectl does', async () => {
    const before = await create(configMaps, map({ a: '1' }), { fieldManager: 'kubectl-client-side-apply' });
    const [entry] = before.metadata!.managedFields!;
    const managedFields = [{ ...entry, manager: 'kubectl', operation: 'Apply' }];
    const object = await update(configMaps, { ...before, metadata: { ...before.metadata, managedFields } }, 'x');
    expect(owners(object)).toEqual({ 'kubectl Apply': { 'f:data': { '.': {}, 'f:a': {} } } });
  });

  test('entries that are none are passed over', async () => {
    const before = await create(configMaps, map({ a: '1' }), { fieldManager: 'one' });
    const managedFields = [{ manager: 'x', operation: 'Steal', apiVersion: 'v1', fieldsType: 'FieldsV1' }];
    const object = await update(configMaps, { ...before, metadata: { ...before.metadata, managedFields } }, 'x');
    expect(object).toEqual(before);
  });

  test('more than ten updaters share the entry ancient-changes', async () => {
    await create(configMaps, map({ a: '1' }), { fieldManager: 'm0' });
    for (let i = 1; i <= 12; i++) {
      nowMs += 1000;
      const data = { ...((await get(configMaps, 'm')).data as Record<string, string>), [`k${i}`]: 'x' };
      await update(configMaps, map(data), `m${i}`);
    }
    const names = (await get(configMaps, 'm')).metadata!.managedFields!.map(({ manager }) => manager);
    expect(names).toHaveLength(10);
    expect(names).toContain('ancient-changes');
    expect(names).not.toContain('m0');
    expect(names).toContain('m12');
  });
});

describe('apply', () => {
  test('creates what is not there', async () => {
    const record = await api.patch(
      context,
      target(configMaps, 'm'),
      { type: 'apply', patch: map({ a: '1' }, { labels: { x: 'y' } }) },
      { fieldManager: 'one' },
    );
    expect(record.created).toBe(true);
    expect(decodeFresh(record).metadata?.managedFields).toEqual([
      {
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
        manager: 'one',
        operation: 'Apply',
        time: '2026-01-01T00:00:00Z',
      },
    ]);
  });

  test('twice is as once, at any time', async () => {
    const first = await apply(deployments, deployment({ replicas: 2 }), 'one');
    nowMs += 60_000;
    expect(await apply(deployments, deployment({ replicas: 2 }), 'one')).toEqual(first);
  });

  test('what is not applied any more goes, unless another owns it', async () => {
    await apply(configMaps, map({ a: '1', b: '1', c: '1' }), 'one');
    await apply(configMaps, map({ b: '1' }), 'two');
    const object = await apply(configMaps, map({ a: '1' }), 'one');
    expect(object.data).toEqual({ a: '1', b: '1' });
    expect(owners(object)).toEqual({
      'one Apply': { 'f:data': { 'f:a': {} } },
      'two Apply': { 'f:data': { 'f:b': {} } },
    });
  });

  test('what an updater set stays', async () => {
    await apply(configMaps, map({ a: '1' }), 'one');
    await update(configMaps, map({ a: '1', z: '1' }), 'two');
    expect((await apply(configMaps, map({}), 'one')).data).toEqual({ z: '1' });
  });

  test('changing what another owns is a conflict; with the same value it is shared', async () => {
    await create(deployments, deployment({ replicas: 1 }), { fieldManager: 'kubectl' });
    await apply(deployments, deployment({ replicas: 1 }), 'one');
    const failure = await apply(deployments, deployment({ replicas: 2 }), 'one').catch((error) => error.toStatus());
    expect(failure).toEqual({
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas',
      details: {
        causes: [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "kubectl" using apps/v1',
            field: '.spec.replicas',
          },
        ],
      },
    });
    const forced = await apply(deployments, deployment({ replicas: 2 }), 'one', { force: true });
    expect((forced.spec as { replicas: number }).replicas).toBe(2);
    expect(owners(forced)['kubectl Update']).not.toHaveProperty(['f:spec', 'f:replicas']);
  });

  test('conflicts with several managers are told by manager', async () => {
    await apply(configMaps, map({ a: '1', b: '1' }), 'one');
    await update(configMaps, map({ a: '1', b: '1', c: '1' }), 'two');
    await expect(apply(configMaps, map({ a: '2', b: '2', c: '2' }), 'three')).rejects.toMatchObject({
      message:
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "two" using v1:\n- .data.c',
    });
  });

  test('items of a list with keys belong to whoever applies them; new ones stand after those before them', async () => {
    const containers = (...names: string[]) => ({ containers: names.map((name) => ({ name, image: name })) });
    await apply(deployments, deployment({}, containers('a', 'b')), 'one');
    const injected = await apply(deployments, deployment({}, containers('x', 'b')), 'two', { force: true });
    const names = (object: KubernetesObject) =>
      (object.spec as { template: { spec: { containers: { name: string }[] } } }).template.spec.containers.map(
        ({ name }) => name,
      );
    expect(names(injected)).toEqual(['a', 'x', 'b']);
    expect(names(await apply(deployments, deployment({}, containers('c', 'b')), 'one'))).toEqual(['x', 'c', 'b']);
  });

  test('environment variables, ports, and atomic lists', async () => {
    const container = (extra: object) => ({ containers: [{ name: 'main', image: 'busybox', ...extra }] });
    await apply(deployments, deployment({}, container({ env: [{ name: 'A', value: '1' }], args: ['x'] })), 'one');
    const two = { env: [{ name: 'B', value: '1' }], ports: [{ containerPort: 80 }] };
    const object = await apply(deployments, deployment({}, container(two)), 'two');
    expect(object).toHaveProperty('spec.template.spec.containers.0.env', [
      { name: 'A', value: '1' },
      { name: 'B', value: '1' },
    ]);
    expect(object).toHaveProperty('spec.template.spec.containers.0.ports', [{ containerPort: 80, protocol: 'TCP' }]);
    const other = apply(deployments, deployment({}, container({ args: ['y'] })), 'two');
    await expect(other).rejects.toMatchObject({
      details: { causes: [{ field: '.spec.template.spec.containers[name="main"].args' }] },
    });
  });

  test('sets: finalizers of two appliers', async () => {
    await apply(configMaps, map({ k: '1' }, { finalizers: ['a/a'] }), 'one');
    await apply(configMaps, map({ k: '1' }, { finalizers: ['b/b'] }), 'two');
    const object = await apply(configMaps, map({ k: '1' }), 'one');
    expect(object.metadata?.finalizers).toEqual(['b/b']);
  });

  test('the default comes back when nobody owns a field any more', async () => {
    await apply(deployments, deployment({ replicas: 3 }), 'one');
    expect(await apply(deployments, deployment(), 'one')).toHaveProperty('spec.replicas', 1);
  });

  test('the status through its own endpoint only', async () => {
    await apply(deployments, { ...deployment(), status: { replicas: 7 } }, 'one');
    const status = { ...deployment(), status: { replicas: 3 } };
    const object = await apply(deployments, status, 'two', { subresource: 'status' });
    expect(object.status).toMatchObject({ replicas: 3 });
    expect(owners(object)['two Apply status']).toEqual({ 'f:status': { 'f:replicas': {} } });
    expect(owners(object)['one Apply']).not.toHaveProperty('f:status');
    const missing = { ...status, metadata: { name: 'none', namespace: 'default' } };
    await expect(apply(deployments, missing, 'two', { subresource: 'status' })).rejects.toMatchObject({ code: 404 });
  });

  test('a scale owns the replicas', async () => {
    await apply(deployments, deployment({ replicas: 4 }), 'one');
    const patch = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 4 } };
    const at = target(deployments, 'd', 'scale');
    const scale = await api.patchScale(context, at, { type: 'apply', patch }, { fieldManager: 'two' });
    expect(scale.spec?.replicas).toBe(4);
    expect(owners(await get(deployments, 'd'))['two Apply scale']).toEqual({ 'f:spec': { 'f:replicas': {} } });
    await expect(apply(deployments, deployment({ replicas: 1 }), 'one')).rejects.toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "two" with subresource "scale": .spec.replicas',
    });
  });

  test('replicas that nobody owns: a scale of another writer leaves them so, an applied one meets the first owner', async () => {
    await apply(deployments, deployment(), 'one');
    const at = target(deployments, 'd', 'scale');
    await api.patchScale(context, at, { type: 'merge', patch: { spec: { replicas: 4 } } }, { fieldManager: 'two' });
    expect(Object.keys(owners(await get(deployments, 'd')))).toEqual(['one Apply']);
    const patch = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 5 } };
    const scale = (force: boolean) =>
      api.patchScale(context, at, { type: 'apply', patch }, { fieldManager: 'three', force });
    await expect(scale(false)).rejects.toMatchObject({ details: { causes: [{ field: '.spec.replicas' }] } });
    await scale(true);
    expect(Object.keys(owners(await get(deployments, 'd')))).toEqual(['one Apply', 'three Apply scale']);
  });

  test('kubectl takes over what it applied on the client side, and keeps the annotation true', async () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const applied = map({ a: '1', b: '1' });
    const annotated = map({ a: '1', b: '1' }, { annotations: { [annotation]: JSON.stringify(applied) } });
    await create(configMaps, annotated, { fieldManager: 'kubectl-client-side-apply' });
    await expect(apply(configMaps, map({ a: '2' }), 'other')).rejects.toMatchObject({ code: 409 });
    const object = await apply(configMaps, map({ a: '2' }), 'kubectl');
    expect(object.data).toEqual({ a: '2', b: '1' });
    expect(JSON.parse(object.metadata!.annotations![annotation]!)).toEqual(map({ a: '2' }));
  });

  test('an applier that speaks another version keeps one entry', async () => {
    const hpa = (version: string, spec: object): KubernetesObject => ({
      apiVersion: `autoscaling/${version}`,
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'h', namespace: 'default' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3, ...spec },
    });
    const resource = (version: string) => ({ group: 'autoscaling', version, resource: 'horizontalpodautoscalers' });
    await apply(resource('v1'), hpa('v1', { targetCPUUtilizationPercentage: 50, minReplicas: 2 }), 'one');
    const object = await apply(resource('v2'), hpa('v2', {}), 'one');
    expect(object.metadata?.managedFields).toHaveLength(1);
    expect(object.metadata?.managedFields?.[0]).toMatchObject({ apiVersion: 'autoscaling/v2', operation: 'Apply' });
    expect(object).toHaveProperty('spec.minReplicas', 1);
    await expect(apply(resource('v1'), hpa('v1', { maxReplicas: 9 }), 'two')).rejects.toMatchObject({
      details: { causes: [{ field: '.spec.maxReplicas' }] },
    });
  });

  test('a dry run leaves nothing behind', async () => {
    await apply(configMaps, map({ a: '1' }), 'one', { dryRun: true });
    await expect(get(configMaps, 'm')).rejects.toMatchObject({ code: 404 });
    const before = await apply(configMaps, map({ a: '1' }), 'one');
    const dry = await apply(configMaps, map({ a: '2' }), 'one', { dryRun: true });
    expect(dry.data).toEqual({ a: '2' });
    expect(await get(configMaps, 'm')).toEqual(before);
  });

  test('a stale resourceVersion is refused', async () => {
    const before = await apply(configMaps, map({ a: '1' }), 'one');
    await apply(configMaps, map({ a: '2' }), 'one');
    const { resourceVersion } = before.metadata!;
    await expect(apply(configMaps, map({ a: '3' }, { resourceVersion }), 'one')).rejects.toMatchObject({
      reason: 'Conflict',
      message: expect.stringContaining('the object has been modified'),
    });
  });

  const twice = [
    { name: 'a', image: 'x' },
    { name: 'a', image: 'y' },
  ];
  test.each<[string, KubernetesObject, WriteRequestOptions, object]>([
    [
      'without a manager',
      map({}),
      { fieldManager: '' },
      {
        code: 422,
        message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      },
    ],
    ['with a long manager', map({}), { fieldManager: 'x'.repeat(129) }, { code: 422 }],
    ['with an unprintable manager', map({}), { fieldManager: 'a\tb' }, { code: 422 }],
    [
      'with managed fields',
      map({}, { managedFields: [] }),
      {},
      { code: 400, message: 'metadata.managedFields must be nil' },
    ],
    [
      'of another kind',
      { ...map({}), kind: 'Secret' },
      {},
      { code: 400, message: 'invalid object type: /v1, Kind=Secret' },
    ],
    [
      'of a kind that is no text',
      { ...map({}), kind: { toString: 1 } as unknown as string },
      {},
      { code: 400, message: 'invalid object type: /v1, Kind=' },
    ],
    [
      'with an unknown field',
      { ...map({}), spec: {} },
      {},
      {
        code: 400,
        message:
          'failed to create typed patch object (default/m; /v1, Kind=ConfigMap): .spec: field not declared in schema',
      },
    ],
    ['with a field of the wrong type', { ...map({}), data: { a: 1 } }, {}, { code: 400 }],
  ])('%s it is refused', async (_, object, options, expected) => {
    await expect(apply(configMaps, object, 'one', options)).rejects.toMatchObject(expected);
  });

  test('an item that is there twice is refused', async () => {
    await expect(apply(deployments, deployment({}, { containers: twice }), 'one')).rejects.toMatchObject({
      code: 400,
      message:
        'failed to create typed patch object (default/d; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="a"]',
    });
  });

  test('force is for applies only', async () => {
    await create(configMaps, configMap('m'), {});
    const patch = { type: 'merge', patch: {} } as const;
    await expect(api.patch(context, target(configMaps, 'm'), patch, { force: true })).rejects.toMatchObject({
      message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    });
  });
});

test('whatever is applied or said of the managers, the answer is an object or a refusal with a reason', async () => {
  await apply(deployments, deployment({ replicas: 1 }), 'one');
  const paths = ['metadata', 'metadata.labels', 'metadata.managedFields', 'spec', 'spec.replicas', 'spec.template'];
  const deep = ['spec.template.spec.containers', 'spec.template.spec.containers.0', 'spec.strategy', 'status', 'kind'];
  const entry = fc.record(
    {
      manager: fc.string(),
      operation: fc.constantFrom('Apply', 'Update', 'x'),
      apiVersion: fc.constantFrom('apps/v1', 'v9', ''),
      fieldsType: fc.constantFrom('FieldsV1', ''),
      fieldsV1: fc.dictionary(fc.constantFrom('.', 'f:spec', 'f:metadata', 'k:{', 'v:1', 'q', 'i:0'), fc.jsonValue()),
      subresource: fc.constantFrom('', 'status'),
    },
    { requiredKeys: [] },
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.array(entry, { maxLength: 3 }));
  const type = fc.constantFrom('apply', 'merge', 'update');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths, ...deep), value, type, async (path, wild, way) => {
      const object = deployment({ replicas: 2 });
      const steps = path.split('.');
      const last = steps.pop()!;
      const parent = steps.reduce((at, step) => at[step] as Record<string, unknown>, object as Record<string, unknown>);
      parent[last] = wild;
      const at = target(deployments, 'd');
      const body = { bytes: Buffer.from(JSON.stringify(object)), fieldValidation: 'Warn' } as const;
      const options = { fieldManager: 'two', force: way === 'apply' ? true : undefined };
      const media = way === 'apply' ? 'application/apply-patch+yaml' : 'application/merge-patch+json';
      const write =
        way === 'update'
          ? api.update(context, at, { ...body, contentType: 'application/json' }, options)
          : api.patch(context, at, { ...body, contentType: media }, options);
      await write.catch((error) => {
        expect(error, String((error as Error).stack)).toMatchObject({ name: 'ApiError' });
        expect(error.code).toBeLessThan(500);
      });
      const { managedFields = [] } = (await get(deployments, 'd')).metadata!;
      for (const { fieldsV1 } of managedFields) expect(fieldsV1).not.toEqual({});
    }),
    { numRuns: 300 },
  );
});
