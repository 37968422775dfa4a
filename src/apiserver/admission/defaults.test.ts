/** The smaller plugins: what they add to new objects, and what they refuse. */
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';
import { createTestApi, nodeUser, pod } from '../testing/test-api.ts';
import { mergeTolerations } from './runtime-class.ts';

const of = (group: string, resource: string) => ({ group, version: 'v1', resource });
const storageClasses = of('storage.k8s.io', 'storageclasses');
const claims = of('', 'persistentvolumeclaims');

const claim = (name: string, spec: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});

const storageClass = (name: string, annotations: Record<string, string>, rest: object = {}) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, annotations },
  provisioner: 'p',
  ...rest,
});

test('a new node is not ready before somebody has seen that it is', async () => {
  const { clientFor } = await createTestApi();
  const node = await clientFor(nodeUser('n1')).create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
  } as never);
  expect(node).toMatchObject({ spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] } });
});

test('claims get the default class, and stay while they are in use', async () => {
  const { client } = await createTestApi();
  const isDefault = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  await client.create(storageClasses, storageClass('fast', isDefault) as never);
  await client.create(storageClasses, storageClass('other', {}) as never);
  const made = await client.create(claims, claim('a') as never);
  expect(made).toMatchObject({
    metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
    spec: { storageClassName: 'fast' },
  });
  expect(await client.create(claims, claim('b', { storageClassName: '' }) as never)).toMatchObject({
    spec: { storageClassName: '' },
  });
});

test('a claim grows if it is bound, and its class lets it', async () => {
  const { client } = await createTestApi();
  for (const [name, allowVolumeExpansion] of [
    ['fixed', false],
    ['elastic', true],
  ] as const) {
    await client.create(storageClasses, storageClass(name, {}, { allowVolumeExpansion }) as never);
    const made = await client.create(claims, claim(name, { storageClassName: name, volumeName: 'v' }) as never);
    const grow = () => {
      const patch = { spec: { resources: { requests: { storage: '2Gi' } } } };
      return client.patch(claims, { name, namespace: 'default' }, 'merge', patch);
    };
    await expect(grow()).rejects.toThrow();
    await client.update(claims, { ...(made as object), status: { phase: 'Bound' } } as never, 'status');
    if (allowVolumeExpansion) await grow();
    else await expect(grow()).rejects.toThrow('only dynamically provisioned pvc can be resized');
  }
});

test('a RuntimeClass gives its pods overhead and a place; one that is not there is refused', async () => {
  const { client } = await createTestApi();
  await client.create(of('node.k8s.io', 'runtimeclasses'), {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'vm' },
    handler: 'vm',
    overhead: { podFixed: { cpu: '10m' } },
    scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
  } as never);
  const create = (name: string, spec: object) => {
    const plain = pod(name) as Pod;
    return client.create(resources.pods, { ...plain, spec: { ...plain.spec, ...spec } } as never);
  };
  const { spec } = (await create('a', { runtimeClassName: 'vm' })) as Pod;
  expect(spec).toMatchObject({ overhead: { cpu: '10m' }, nodeSelector: { vm: 'yes' } });
  expect(spec?.tolerations).toContainEqual({ key: 'vm', operator: 'Exists' });
  await expect(create('b', { runtimeClassName: 'none' })).rejects.toThrow(
    'pods "b" is forbidden: pod rejected: RuntimeClass "none" not found',
  );
  await expect(create('c', { runtimeClassName: 'vm', nodeSelector: { vm: 'no' } })).rejects.toThrow(
    'conflict: runtimeClass',
  );
  await expect(create('d', { overhead: { cpu: '1' } })).rejects.toThrow('without corresponding RuntimeClass');
});

test('tolerations are merged: what another one covers is left out', () => {
  const all = { operator: 'Exists' };
  const one = { key: 'a', operator: 'Equal', value: 'b', effect: 'NoSchedule' };
  expect(mergeTolerations([one], [all])).toEqual([all]);
  expect(mergeTolerations([one], [one, { key: 'c', operator: 'Exists' }])).toEqual([
    one,
    { key: 'c', operator: 'Exists' },
  ]);
});

test('pods are labelled with the zone of their node when they are bound', async () => {
  const { client } = await createTestApi();
  const zone = { 'topology.kubernetes.io/zone': 'z1', other: 'x' };
  await client.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', labels: zone },
  } as never);
  await client.create(resources.pods, pod('p') as never);
  await client.bind({ name: 'p', namespace: 'default' }, 'n1');
  const bound = await client.get(resources.pods, { name: 'p', namespace: 'default' });
  expect(bound.metadata?.labels).toEqual({ 'topology.kubernetes.io/zone': 'z1' });
});

test('there is one default PriorityClass', async () => {
  const { client } = await createTestApi();
  const classes = of('scheduling.k8s.io', 'priorityclasses');
  const make = (name: string) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value: 1,
    globalDefault: true,
  });
  await client.create(classes, make('a') as never);
  await expect(client.create(classes, make('b') as never)).rejects.toThrow(
    'PriorityClass a is already marked as default',
  );
});
