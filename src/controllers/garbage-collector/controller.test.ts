import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { controllerReference } from '../shared/owners.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { deploymentOf, podOf, replicaSetOf } from '../testing/objects.ts';
import { GarbageCollector } from './controller.ts';

let h: Harness;
const deployment = { namespace: 'default', name: 'web' };
const watched = [
  { ...resources.deployments, kind: 'Deployment', namespaced: true },
  { ...resources.replicaSets, kind: 'ReplicaSet', namespaced: true },
  { ...resources.pods, kind: 'Pod', namespaced: true },
  { ...resources.nodes, kind: 'Node', namespaced: false },
];
const left = () =>
  [resources.deployments, resources.replicaSets, resources.pods].map((resource) => h.client.all(resource).length);
const start = () => void new GarbageCollector(h.context, watched).run();

beforeEach(() => {
  h = harness();
  const web = h.client.seed(resources.deployments, deploymentOf('web', 2));
  const set = replicaSetOf('rs', 2);
  set.metadata!.ownerReferences = [controllerReference(web, 'apps/v1', 'Deployment')];
  h.client.seed(resources.replicaSets, set);
  h.client.seed(resources.pods, podOf({ name: 'a', owner: set }));
  h.client.seed(resources.pods, podOf({ name: 'b', owner: set, node: 'n1' }));
});
afterEach(() => h.stop());

describe('GarbageCollector', () => {
  it('leaves everything alone whose owners live, even before all caches are full', async () => {
    h.client.intercept = ({ verb, resource }) =>
      verb === 'list' && resource.resource === 'deployments' ? h.client.idle(30) : undefined;
    start();
    await h.client.idle(60);
    expect(left()).toEqual([1, 1, 2]);
    expect(h.client.calls.filter(({ verb }) => verb === 'delete' || verb === 'patch')).toEqual([]);
  });

  it('in the background deletes the tree after its root; an assigned pod ends gracefully', async () => {
    start();
    await h.client.delete(resources.deployments, deployment, { propagationPolicy: 'Background' });
    await h.client.until(
      () =>
        left().join() === '0,0,1' && h.client.all<Pod>(resources.pods)[0]?.metadata?.deletionTimestamp !== undefined,
    );
  });

  it('in the foreground keeps the root until the last blocking dependent is gone', async () => {
    start();
    await h.client.delete(resources.deployments, deployment, { propagationPolicy: 'Foreground' });
    await h.client.until(() => left().join() === '1,1,1');
    await h.client.idle();
    expect(left()).toEqual([1, 1, 1]);
    await h.client.delete(resources.pods, { namespace: 'default', name: 'b' }, { gracePeriodSeconds: 0 });
    await h.client.until(() => left().join() === '0,0,0');
  });

  it('orphans dependents when asked to', async () => {
    start();
    await h.client.delete(resources.deployments, deployment, { propagationPolicy: 'Orphan' });
    await h.client.until(() => left().join() === '0,1,2');
    await h.client.idle();
    expect(left()).toEqual([0, 1, 2]);
    expect(h.client.all(resources.replicaSets)[0]?.metadata?.ownerReferences).toEqual([]);
  });

  it('deletes what was created for an owner that is gone or was replaced by another of its name', async () => {
    start();
    const late = podOf({ name: 'late' });
    late.metadata!.ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'an-earlier-one' },
    ];
    h.client.seed(resources.pods, late);
    await h.client.until(() => h.client.find(resources.pods, { namespace: 'default', name: 'late' }) === undefined);
    expect(left()).toEqual([1, 1, 2]);
  });

  it('asks the API before it believes that an owner is absent', async () => {
    start();
    await h.client.idle();
    h.client.holdWatches(resources.deployments);
    const owner = h.client.seed(resources.deployments, deploymentOf('new', 1));
    const pod = podOf({ name: 'fresh' });
    pod.metadata!.ownerReferences = [controllerReference(owner, 'apps/v1', 'Deployment')];
    h.client.seed(resources.pods, pod);
    await h.client.idle();
    expect(h.client.find(resources.pods, { namespace: 'default', name: 'fresh' })).toBeDefined();
  });
});
