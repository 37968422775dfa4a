import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import type { Event, Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { ReplicaSetController } from '../replicaset/controller.ts';
import { replicaSetKind } from '../replicaset/kinds.ts';
import { timestamp } from '../shared/time.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { deploymentOf, replicaSetOf } from '../testing/objects.ts';
import { DeploymentController } from './controller.ts';
import { templateHash } from './template.ts';

let h: Harness;
const key = { namespace: 'default', name: 'web' };
const deployment = () => h.client.find<Deployment>(resources.deployments, key)!;
const sets = () => h.client.all<ReplicaSet>(resources.replicaSets);
const pods = () => h.client.all<Pod>(resources.pods);
const image = (value: string) =>
  h.client.patch(resources.deployments, key, 'merge', {
    spec: { template: { spec: { containers: [{ name: 'c', image: value }] } } },
  });
const isRolledOut = (value: string, replicas: number) => () => {
  const { status, metadata } = deployment();
  return (
    status?.observedGeneration === metadata?.generation &&
    status?.updatedReplicas === replicas &&
    status.availableReplicas === replicas &&
    status.replicas === replicas &&
    pods().every((pod) => pod.spec?.containers[0]?.image === value)
  );
};

/** Every pod becomes ready as soon as it is there. */
function playKubelet(): void {
  const informer = h.context.informers.of<Pod>(resources.pods);
  informer.addHandler({
    add: (pod) => {
      const status = {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp(0) }],
      };
      const { namespace, name } = pod.metadata!;
      h.client.patch(resources.pods, { namespace, name: name! }, 'merge', { status }, 'status').catch(() => undefined);
    },
  });
}

beforeEach(() => {
  h = harness();
  void new DeploymentController(h.context).run();
  void new ReplicaSetController(h.context, replicaSetKind).run();
});
afterEach(() => h.stop());

describe('DeploymentController with ReplicaSetController', () => {
  it('rolls out, updates, undoes and scales, never with fewer ready pods than asked', async () => {
    playKubelet();
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    await h.client.create(resources.deployments, deploymentOf('web', 5, { strategy }));
    await h.client.until(isRolledOut('v1', 5));
    let fewest = 5;
    const watchReady = h.client.until(() => {
      const ready = pods().filter(
        (pod) => !pod.metadata?.deletionTimestamp && pod.status?.conditions?.[0]?.status === 'True',
      );
      fewest = Math.min(fewest, ready.length);
      return deployment().metadata?.labels?.done === 'yes';
    });
    await image('v2');
    await h.client.until(isRolledOut('v2', 5));
    await image('v1');
    await h.client.until(isRolledOut('v1', 5));
    expect(sets()).toHaveLength(2);
    expect(deployment().metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    await h.client.patch(resources.deployments, key, 'merge', { metadata: { labels: { done: 'yes' } } });
    await watchReady;
    expect(fewest).toBe(5);
    await h.client.patch(resources.deployments, key, 'merge', { spec: { replicas: 20 } });
    await h.client.until(isRolledOut('v1', 20));
    const messages = h.client.all<Event>(resources.events).map((event) => event.message);
    expect(messages).toContainEqual(expect.stringMatching(/^Scaled up replica set web-\w+ from 5 to 20$/));
  });

  it('is quiet once it has rolled out', async () => {
    playKubelet();
    await h.client.create(resources.deployments, deploymentOf('web', 2));
    await h.client.until(isRolledOut('v1', 2));
    await h.client.idle();
    const before = h.client.calls.length;
    await h.client.idle(100);
    expect(h.client.calls.slice(before)).toEqual([]);
  });

  it('uses another name when a stranger has the name of its ReplicaSet', async () => {
    const wanted = deploymentOf('web', 1);
    const name = `web-${templateHash(wanted.spec!.template, 0)}`;
    h.client.seed(
      resources.replicaSets,
      replicaSetOf(name, 0, {
        selector: { matchLabels: { app: 'else' } },
        template: { metadata: { labels: { app: 'else' } } },
      }),
    );
    h.client.change<ReplicaSet>(resources.replicaSets, { namespace: 'default', name }, (set) => {
      set.metadata!.labels = { app: 'else' };
    });
    await h.client.create(resources.deployments, wanted);
    await h.client.until(() => deployment().status?.collisionCount === 1 && sets().length === 2);
  });

  it('adopts a ReplicaSet that matches and has no controller', async () => {
    const { template } = deploymentOf('web', 1).spec!;
    h.client.seed(resources.replicaSets, replicaSetOf('orphan', 0, { template }));
    await h.client.create(resources.deployments, deploymentOf('web', 2));
    await h.client.until(() => sets().find((set) => set.metadata?.name === 'orphan')?.spec?.replicas === 2);
    expect(sets().find((set) => set.metadata?.name === 'orphan')?.metadata?.ownerReferences).toMatchObject([
      { name: 'web' },
    ]);
  });
});
