import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import type { Event, Pod, ReplicationController } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { podOf, replicaSetOf } from '../testing/objects.ts';
import { ReplicaSetController } from './controller.ts';
import { replicaSetKind, replicationControllerKind } from './kinds.ts';

let h: Harness;
const start = () => void new ReplicaSetController(h.context, replicaSetKind).run();
const pods = () => h.client.all<Pod>(resources.pods);
const status = () => h.client.find<ReplicaSet>(resources.replicaSets, { namespace: 'default', name: 'rs' })?.status;
const creates = () =>
  h.client.calls.filter(({ verb, resource }) => verb === 'create' && resource === resources.pods).length;
const scale = (replicas: number) =>
  h.client.patch(resources.replicaSets, { namespace: 'default', name: 'rs' }, 'merge', { spec: { replicas } });

beforeEach(() => {
  h = harness();
});
afterEach(() => h.stop());

describe('ReplicaSetController', () => {
  it('creates, replaces and deletes pods until there are as many as asked', async () => {
    start();
    await h.client.create(resources.replicaSets, replicaSetOf('rs', 40));
    await h.client.until(() => status()?.replicas === 40);
    expect(pods()).toHaveLength(40);
    expect(pods()[0]?.metadata).toMatchObject({ generateName: 'rs-', labels: { app: 'web' } });
    await h.client.delete(resources.pods, { namespace: 'default', name: pods()[0]!.metadata!.name! });
    await h.client.until(() => creates() === 41 && status()?.replicas === 40);
    await scale(3);
    await h.client.until(() => status()?.replicas === 3);
    expect(pods()).toHaveLength(3);
  });

  it('does not create twice while its cache is behind', async () => {
    start();
    await h.client.idle();
    h.client.holdWatches(resources.pods);
    await h.client.create(resources.replicaSets, replicaSetOf('rs', 5));
    await h.client.until(() => creates() === 5);
    await scale(6);
    await h.client.idle();
    expect(creates()).toBe(5);
    h.client.releaseWatches();
    await h.client.until(() => status()?.replicas === 6);
    await h.client.idle();
    expect(pods()).toHaveLength(6);
    expect(creates()).toBe(6);
  });

  it('stops early when creation fails, says so in condition and event, and goes on when it works again', async () => {
    h.client.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === resources.pods) throw new ApiError('Forbidden', 'exceeded quota');
    };
    start();
    await h.client.create(resources.replicaSets, replicaSetOf('rs', 100));
    await h.client.until(() => status()?.conditions?.[0]?.reason === 'FailedCreate');
    expect(creates()).toBeLessThan(100);
    expect(h.client.all<Event>(resources.events)[0]).toMatchObject({ reason: 'FailedCreate', type: 'Warning' });
    h.client.intercept = undefined;
    await h.client.until(() => status()?.replicas === 100 && status()?.conditions === undefined);
  });

  it('adopts an orphan that appears, and replaces a pod whose label is taken away', async () => {
    h.client.seed(resources.pods, podOf({ name: 'orphan' }));
    start();
    await h.client.create(resources.replicaSets, replicaSetOf('rs', 1));
    await h.client.until(() => status()?.replicas === 1);
    expect(pods()[0]?.metadata?.ownerReferences).toMatchObject([
      { name: 'rs', controller: true, blockOwnerDeletion: true },
    ]);
    await h.client.patch(resources.pods, { namespace: 'default', name: 'orphan' }, 'merge', {
      metadata: { labels: { app: 'x' } },
    });
    await h.client.until(() => pods().length === 2 && status()?.replicas === 1);
    expect(
      h.client.find<Pod>(resources.pods, { namespace: 'default', name: 'orphan' })?.metadata?.ownerReferences,
    ).toEqual([]);
  });

  it('starts the replacement of a terminating pod at once', async () => {
    const set = h.client.seed(resources.replicaSets, replicaSetOf('rs', 1));
    h.client.seed(resources.pods, podOf({ name: 'stuck', owner: set, node: 'dead' }));
    start();
    await h.client.until(() => status()?.replicas === 1);
    await h.client.delete(resources.pods, { namespace: 'default', name: 'stuck' });
    await h.client.until(() => pods().length === 2);
    expect(
      h.client.find<Pod>(resources.pods, { namespace: 'default', name: 'stuck' })?.metadata?.deletionTimestamp,
    ).toBeDefined();
  });

  it('keeps the pods of a ReplicationController, whose selector is a plain map', async () => {
    void new ReplicaSetController(h.context, replicationControllerKind).run();
    const { spec } = replicaSetOf('rc', 3);
    const labels = { app: 'web' };
    await h.client.create(resources.replicationControllers, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'rc', namespace: 'default' },
      spec: { ...spec, selector: labels },
    });
    const rc = () => h.client.find(resources.replicationControllers, { namespace: 'default', name: 'rc' });
    await h.client.until(() => (rc() as ReplicationController).status?.replicas === 3);
    expect(pods().map((pod) => pod.metadata?.ownerReferences?.[0]?.kind)).toEqual(
      Array(3).fill('ReplicationController'),
    );
    expect((rc() as ReplicationController).status).not.toHaveProperty('terminatingReplicas');
  });
});
