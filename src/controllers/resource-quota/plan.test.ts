import { expect, test } from 'vitest';
import type { ResourceQuota, ResourceQuotaSpec } from '../../api/generated/types/core-v1.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { customResources, measuredResources, planStatus, sameStatus } from './plan.ts';

const pods = { group: '', resource: 'pods' };
const claims = { group: '', resource: 'persistentvolumeclaims' };
const deployments = { group: 'apps', resource: 'deployments' };
const quota = (spec: ResourceQuotaSpec): ResourceQuota => ({ metadata: { name: 'q' }, spec });

const pod = (requests: object, rest: object = {}, spec: object = {}): KubernetesObject => ({
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...spec },
  ...rest,
});

test('only what a quota names is looked at', () => {
  const all = [pods, claims, deployments];
  const measured = (hard: Record<string, string>) =>
    measuredResources(quota({ hard }), all).map(({ resource }) => resource);
  expect(measured({ 'requests.cpu': '1' })).toEqual(['pods']);
  expect(measured({ 'count/deployments.apps': '1' })).toEqual(['deployments']);
  expect(measured({ 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' })).toEqual(['persistentvolumeclaims']);
  expect(measured({ 'requests.example.com/gpu': '1', secrets: '1' })).toEqual(['pods']);
});

test('custom resources are counted in a version that is served', () => {
  const names = { plural: 'things', kind: 'Thing' };
  const version = (name: string, served: boolean) => ({ name, served, storage: !served });
  const definition = {
    spec: { group: 'ex.com', scope: 'Namespaced', names, versions: [version('v1', false), version('v2', true)] },
  };
  const found = (name: string) => customResources(quota({ hard: { [name]: '1' } }), [definition as never]);
  expect(found('count/things.ex.com')).toEqual([{ group: 'ex.com', version: 'v2', resource: 'things' }]);
  expect(found('count/others.ex.com')).toEqual([]);
});

test('what has ended uses nothing but its place; what nothing uses is 0', () => {
  const hard = {
    pods: '9',
    'count/pods': '9',
    'requests.cpu': '2',
    'requests.example.com/gpu': '4',
    'limits.cpu': '1',
  };
  const objects = [
    pod({ cpu: '600m', 'example.com/gpu': '2' }),
    pod({ cpu: '600m' }, { status: { phase: 'Succeeded' } }),
    pod({ cpu: '500m' }, {}, { overhead: { cpu: '100m' } }),
  ];
  expect(planStatus(quota({ hard }), [{ resource: pods, objects }], 0)).toEqual({
    hard,
    used: { pods: '2', 'count/pods': '3', 'requests.cpu': '1200m', 'requests.example.com/gpu': '2', 'limits.cpu': '0' },
  });
});

test('a pod that should be gone by now counts no more', () => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
  const used = (nowMs: number) =>
    planStatus(quota({ hard: { pods: '1' } }), [{ resource: pods, objects: [pod({}, { metadata })] }], nowMs).used;
  const end = Date.parse(metadata.deletionTimestamp);
  expect([used(end), used(end + 30_001)]).toEqual([{ pods: '1' }, { pods: '0' }]);
});

test('scopes leave out what they do not take; amounts are the same in any notation', () => {
  const hard = { pods: '5' };
  const objects = [pod({}), pod({ cpu: '1' })];
  const planned = planStatus(quota({ hard, scopes: ['BestEffort'] }), [{ resource: pods, objects }], 0);
  expect(planned.used).toEqual({ pods: '1' });
  expect(sameStatus({ hard: { pods: '5000m' }, used: { pods: '1' } }, planned)).toBe(true);
  expect(sameStatus({ hard: { pods: '5' }, used: { pods: '2' } }, planned)).toBe(false);
});
