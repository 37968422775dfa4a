import { expect, test } from 'vitest';
import type { LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { createTestApi } from '../testing/test-api.ts';

const limitRanges = { group: '', version: 'v1', resource: 'limitranges' };
const claims = { group: '', version: 'v1', resource: 'persistentvolumeclaims' };

type Requirements = { requests?: Record<string, string>; limits?: Record<string, string> };

async function apiWith(...limits: LimitRangeItem[]) {
  const { client } = await createTestApi();
  const metadata = { name: 'l', namespace: 'default' };
  const range = await client.create<LimitRange>(limitRanges, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata,
    spec: { limits },
  });
  let made = 0;
  const createPod = (...containers: Requirements[]) =>
    client.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p${made++}`, namespace: 'default' },
      spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, image: 'i', resources })) },
    });
  return { client, range, createPod };
}

const container: LimitRangeItem = {
  type: 'Container',
  min: { cpu: '50m', memory: '100Mi' },
  max: { cpu: '500m', memory: '500Mi' },
  defaultRequest: { cpu: '100m', memory: '200Mi' },
};

test('limits default to the maximum, requests to the minimum', async () => {
  const { range } = await apiWith({ type: 'Container', min: { cpu: '1' }, max: { memory: '1Gi' } });
  expect(range.spec?.limits[0]).toMatchObject({
    default: { memory: '1Gi' },
    defaultRequest: { cpu: '1', memory: '1Gi' },
  });
});

test('a container is given what it does not say; its own limit is its request', async () => {
  const { createPod } = await apiWith(container);
  const { spec, metadata, status } = await createPod({}, { limits: { cpu: '300m' }, requests: { memory: '150Mi' } });
  expect(spec?.containers.map((one) => one.resources)).toEqual([
    { requests: { cpu: '100m', memory: '200Mi' }, limits: { cpu: '500m', memory: '500Mi' } },
    { requests: { cpu: '300m', memory: '150Mi' }, limits: { cpu: '300m', memory: '500Mi' } },
  ]);
  expect(metadata?.annotations?.['kubernetes.io/limit-ranger']).toBe(
    'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; memory limit for container c1',
  );
  expect(status?.qosClass).toBe('Burstable');
});

test('what is outside of the bounds is Forbidden, in upstream words', async () => {
  const { createPod } = await apiWith(container);
  await expect(createPod({ requests: { cpu: '10m' } })).rejects.toMatchObject({
    code: 403,
    message: 'pods "p0" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
  });
  await expect(createPod({ limits: { cpu: '0.6', memory: '1Gi' } })).rejects.toMatchObject({
    message:
      'pods "p1" is forbidden: [maximum cpu usage per Container is 500m, but limit is 600m, maximum memory usage per Container is 500Mi, but limit is 1Gi]',
  });
});

test('the whole pod has bounds of its own, and limits a largest ratio to requests', async () => {
  const { createPod } = await apiWith(
    { type: 'Pod', max: { cpu: '1' } },
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
  );
  const half = { requests: { cpu: '500m' }, limits: { cpu: '500m' } };
  await createPod(half, half);
  await expect(createPod(half, half, half)).rejects.toThrow('maximum cpu usage per Pod is 1, but limit is 1500m');
  await expect(createPod({ requests: { cpu: '100m' }, limits: { cpu: '500m' } })).rejects.toThrow(
    'cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000',
  );
});

test('claims keep within bounds; other namespaces are free; a range that contradicts itself is Invalid', async () => {
  const { client } = await apiWith({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } });
  const claim = (storage: string): PersistentVolumeClaim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  });
  await expect(client.create(claims, claim('2Gi'))).rejects.toThrow(
    'maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
  );
  await client.create(claims, claim('1Gi'));
  const wrong = { type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } };
  await expect(
    client.create<LimitRange>(limitRanges, {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'm', namespace: 'default' },
      spec: { limits: [wrong] },
    }),
  ).rejects.toMatchObject({ reason: 'Invalid' });
});
