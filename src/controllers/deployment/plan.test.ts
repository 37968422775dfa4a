import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import { deploymentOf } from '../testing/objects.ts';
import { type DeploymentPlan, planDeployment } from './plan.ts';
import { templateHash } from './template.ts';

const revision = 'deployment.kubernetes.io/revision';

/** A Deployment with the rest of the world played by hand: ReplicaSets keep up, pods become available, when told to. */
class World {
  deployment: Deployment;
  sets: ReplicaSet[] = [];
  /** Pods by name of their ReplicaSet. */
  readonly pods = new Map<string, { available: number; waiting: number }>();
  nowMs = 0;
  last: DeploymentPlan | undefined;

  constructor(replicas: number, spec: Partial<Deployment['spec']> = {}) {
    this.deployment = deploymentOf('web', replicas, spec);
  }

  edit(spec: Partial<Deployment['spec']>): void {
    const { metadata } = this.deployment;
    this.deployment = {
      ...this.deployment,
      metadata: { ...metadata, generation: metadata!.generation! + 1 },
      spec: { ...this.deployment.spec!, ...spec },
    };
  }

  image(image: string): void {
    this.edit({ template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } } });
  }

  plan(): DeploymentPlan {
    const livePods = new Map(
      this.sets.map(({ metadata }) => {
        const { available = 0, waiting = 0 } = this.pods.get(metadata!.name!) ?? {};
        return [metadata!.uid!, available + waiting];
      }),
    );
    const plan = planDeployment({ deployment: this.deployment, replicaSets: this.sets, livePods, nowMs: this.nowMs });
    for (const action of plan.actions) {
      const { name } = action.replicaSet.metadata!;
      if (action.type === 'create') {
        const metadata = {
          ...action.replicaSet.metadata,
          uid: `uid-${name}`,
          generation: 1,
          creationTimestamp: new Date(this.sets.length * 1000).toISOString(),
        };
        this.sets.push({ ...action.replicaSet, metadata, status: { replicas: 0 } });
        this.pods.set(name!, { available: 0, waiting: 0 });
      } else {
        this.sets = this.sets.filter((set) => set.metadata?.name !== name);
        if (action.type === 'update') this.sets.push(action.replicaSet);
      }
    }
    const annotations = {
      ...this.deployment.metadata?.annotations,
      ...(plan.revision && { [revision]: plan.revision }),
    };
    this.deployment = {
      ...this.deployment,
      metadata: { ...this.deployment.metadata, annotations },
      status: plan.status,
    };
    this.last = plan;
    return plan;
  }

  /** The ReplicaSet controller creates and deletes pods; those that are not available go first. */
  sync(set: ReplicaSet): void {
    const pods = this.pods.get(set.metadata!.name!)!;
    const surplus = pods.available + pods.waiting - set.spec!.replicas!;
    if (surplus < 0) pods.waiting -= surplus;
    const fromWaiting = Math.min(pods.waiting, Math.max(0, surplus));
    pods.waiting -= fromWaiting;
    pods.available -= Math.max(0, surplus) - fromWaiting;
  }

  ready(set: ReplicaSet, count = 1): void {
    const pods = this.pods.get(set.metadata!.name!)!;
    const moved = Math.min(count, pods.waiting);
    pods.waiting -= moved;
    pods.available += moved;
  }

  publish(set: ReplicaSet): void {
    const { available, waiting } = this.pods.get(set.metadata!.name!)!;
    const status = {
      replicas: available + waiting,
      readyReplicas: available,
      availableReplicas: available,
      observedGeneration: set.metadata?.generation,
    };
    this.sets = this.sets.map((other) => (other.metadata?.name === set.metadata?.name ? { ...other, status } : other));
  }

  /** Everything catches up, `readyCount` pods of each ReplicaSet become available, and the Deployment is planned once. */
  turn(readyCount = 1000): string {
    for (const set of [...this.sets]) {
      this.sync(set);
      this.ready(set, readyCount);
      this.publish(set);
    }
    this.nowMs += 1_000;
    this.plan();
    return this.sizes();
  }

  /** Sizes by image, oldest image first: `v1:8 v2:5`. */
  sizes(): string {
    const entries = this.sets.map((set) => `${set.spec?.template?.spec?.containers[0]?.image}:${set.spec?.replicas}`);
    return entries.sort().join(' ');
  }

  get available(): number {
    return [...this.pods.values()].reduce((total, { available }) => total + available, 0);
  }

  settle(): string {
    for (let i = 0; i < 50; i++) this.turn();
    return this.sizes();
  }

  condition(type: string) {
    const found = this.deployment.status?.conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  }
}

function rolled(replicas: number, spec: Partial<Deployment['spec']> = {}): World {
  const world = new World(replicas, spec);
  world.settle();
  return world;
}

const strategy = (maxSurge: string | number, maxUnavailable: string | number) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
});

describe('planDeployment', () => {
  it('creates the first ReplicaSet with hash, owner, revision 1 and full size', () => {
    const world = new World(3);
    const plan = world.plan();
    const hash = templateHash(world.deployment.spec!.template, 0);
    expect(plan.actions).toMatchObject([
      {
        type: 'create',
        replicaSet: {
          metadata: {
            name: `web-${hash}`,
            labels: { app: 'web', 'pod-template-hash': hash },
            annotations: {
              [revision]: '1',
              'deployment.kubernetes.io/desired-replicas': '3',
              'deployment.kubernetes.io/max-replicas': '4',
            },
            ownerReferences: [{ kind: 'Deployment', name: 'web', controller: true }],
          },
          spec: { replicas: 3, selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } } },
        },
      },
    ]);
    expect(plan.revision).toBe('1');
    expect(world.condition('Progressing')).toBe('True NewReplicaSetCreated');
    expect(world.condition('Available')).toBe('False MinimumReplicasUnavailable');
  });

  it('tells progress and completion as kubectl rollout status reads them', () => {
    const world = new World(2);
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) {
      world.turn(1);
      seen.add(`${world.condition('Available')?.split(' ')[0]} ${world.condition('Progressing')}`);
    }
    expect([...seen]).toEqual([
      'False True NewReplicaSetCreated',
      'False True ReplicaSetUpdated',
      'True True NewReplicaSetAvailable',
    ]);
    expect(world.deployment.status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
    expect(world.plan().actions).toEqual([]);
  });

  it.each([
    ['25%', '25%', ['v1:10 v2:3', 'v1:5 v2:3', 'v1:5 v2:8', 'v1:0 v2:8', 'v1:0 v2:10']],
    [1, 0, ['v1:10 v2:1', 'v1:9 v2:1', 'v1:9 v2:2', 'v1:8 v2:2', 'v1:8 v2:3', 'v1:7 v2:3', 'v1:7 v2:4', 'v1:6 v2:4']],
    [0, 1, ['v1:10 v2:0', 'v1:9 v2:0', 'v1:9 v2:1', 'v1:8 v2:1', 'v1:8 v2:2', 'v1:7 v2:2', 'v1:7 v2:3', 'v1:6 v2:3']],
    ['100%', 0, ['v1:10 v2:10', 'v1:0 v2:10']],
  ])('rolls 10 replicas with maxSurge %s and maxUnavailable %s step by step', (maxSurge, maxUnavailable, steps) => {
    const world = rolled(10, { strategy: strategy(maxSurge, maxUnavailable) });
    world.image('v2');
    expect(steps.map(() => world.turn())).toEqual(steps);
    expect(world.settle()).toBe('v1:0 v2:10');
  });

  it('stops a rollout whose new pods never become available, and reports the deadline', () => {
    const world = rolled(4, { strategy: strategy(1, 0), progressDeadlineSeconds: 60 });
    world.image('bad');
    for (let i = 0; i < 30; i++) world.turn(0);
    expect(world.sizes()).toBe('bad:1 v1:4');
    expect(world.condition('Progressing')).toBe('True ReplicaSetUpdated');
    expect(world.last?.requeueAfterMs).toBeGreaterThan(0);
    for (let i = 0; i < 60; i++) world.turn(0);
    expect(world.condition('Progressing')).toBe('False ProgressDeadlineExceeded');
    expect(world.condition('Available')).toBe('True MinimumReplicasAvailable');
    expect(world.last?.requeueAfterMs).toBeUndefined();
    world.image('v1');
    expect(world.settle()).toBe('bad:0 v1:4');
    expect(world.condition('Progressing')).toBe('True NewReplicaSetAvailable');
  });

  it('takes old pods that are not available first, so that a broken version is replaced at once', () => {
    const world = new World(4, { strategy: strategy(1, 0) });
    for (let i = 0; i < 3; i++) world.turn(0);
    world.image('v2');
    world.turn(0);
    expect(world.sizes()).toBe('v1:4 v2:1');
    for (const set of world.sets.filter((set) => set.spec?.replicas === 1)) {
      world.sync(set);
      world.ready(set);
      world.publish(set);
    }
    world.plan();
    expect(world.sizes()).toBe('v1:3 v2:1');
    expect(world.settle()).toBe('v1:0 v2:4');
  });

  it('keeps an old pod that is not available while its successor is not either: it may yet recover', () => {
    const world = rolled(3, { strategy: strategy(1, 0) });
    const old = world.pods.get(world.sets[0]!.metadata!.name!)!;
    world.image('v2');
    world.plan();
    old.available--;
    old.waiting++;
    for (let i = 0; i < 3; i++) world.turn(0);
    expect(world.sizes()).toBe('v1:3 v2:1');
  });

  it('rolls back to the ReplicaSet of the old template under a new revision', () => {
    const world = rolled(2);
    world.image('v2');
    world.settle();
    expect(world.deployment.metadata?.annotations?.[revision]).toBe('2');
    world.image('v1');
    expect(world.settle()).toBe('v1:2 v2:0');
    expect(world.sets).toHaveLength(2);
    expect(world.deployment.metadata?.annotations?.[revision]).toBe('3');
    const first = world.sets.find((set) => set.spec?.replicas === 2);
    expect(first?.metadata?.annotations).toMatchObject({
      [revision]: '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
  });

  it('makes no new ReplicaSet while paused, yet scales, and goes on when resumed', () => {
    const world = rolled(2);
    world.edit({ paused: true });
    world.image('v2');
    world.edit({ replicas: 5 });
    expect(world.settle()).toBe('v1:5');
    expect(world.condition('Progressing')).toBe('Unknown DeploymentPaused');
    expect(world.last?.requeueAfterMs).toBeUndefined();
    world.edit({ paused: false });
    expect(world.settle()).toBe('v1:0 v2:5');
    expect(world.condition('Progressing')).toBe('True NewReplicaSetAvailable');
  });

  it('spreads scaling in the middle of a rollout over old and new in proportion', () => {
    const world = rolled(10, { strategy: strategy(3, 2) });
    world.image('v2');
    for (let i = 0; i < 3; i++) world.turn(0);
    expect(world.sizes()).toBe('v1:8 v2:5');
    world.edit({ replicas: 15 });
    world.turn(0);
    expect(world.sizes()).toBe('v1:11 v2:7');
    expect(world.settle()).toBe('v1:0 v2:15');
  });

  it('scales a finished rollout to zero and back without losing its condition', () => {
    const world = rolled(3);
    world.edit({ replicas: 0 });
    expect(world.settle()).toBe('v1:0');
    world.edit({ replicas: 2 });
    expect(world.turn()).toBe('v1:2');
    expect(world.condition('Progressing')).toBe('True NewReplicaSetAvailable');
  });

  it('with Recreate starts nothing new before the last old pod is gone', () => {
    const world = rolled(3, { strategy: { type: 'Recreate' } });
    world.image('v2');
    world.plan();
    expect(world.sizes()).toBe('v1:0');
    world.publish(world.sets[0]!);
    world.plan();
    expect(world.sizes()).toBe('v1:0');
    expect(world.turn()).toBe('v1:0 v2:3');
  });

  it('counts revisions beyond 2^53', () => {
    const world = rolled(1);
    const [old] = world.sets;
    old!.metadata!.annotations![revision] = '3546343826724305832';
    world.image('v9');
    world.plan();
    expect(world.last?.revision).toBe('3546343826724305833');
  });

  it('keeps revisionHistoryLimit old ReplicaSets, the newest', () => {
    const world = rolled(1, { revisionHistoryLimit: 2 });
    for (const image of ['v2', 'v3', 'v4', 'v5']) {
      world.image(image);
      world.settle();
    }
    expect(world.sizes()).toBe('v3:0 v4:0 v5:1');
  });

  it('has other names for other templates and for collisions, the same for any order of keys', () => {
    const { template } = deploymentOf('web', 1).spec!;
    const reordered = { spec: template.spec, metadata: { labels: { 'pod-template-hash': 'x', app: 'web' } } };
    expect(templateHash(reordered, 0)).toBe(templateHash(template, 0));
    expect(templateHash(template, 1)).not.toBe(templateHash(template, 0));
    expect(templateHash({ ...template, metadata: {} }, 0)).not.toBe(templateHash(template, 0));
  });

  it('with maxUnavailable 0 never has fewer available pods than asked, however late anyone is', () => {
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ type: 'plan' as const }) },
      {
        weight: 8,
        arbitrary: fc.record({
          type: fc.constantFrom('sync' as const, 'ready' as const, 'publish' as const),
          set: fc.nat(3),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('image' as const), image: fc.constantFrom('v1', 'v2', 'v3') }),
      },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(event, { maxLength: 150 }),
        (replicas, surge, events) => {
          const world = rolled(replicas, { strategy: strategy(surge, 0) });
          for (const step of events) {
            if (step.type === 'plan') world.plan();
            else if (step.type === 'image') world.image(step.image);
            else {
              const set = world.sets[step.set % world.sets.length]!;
              world[step.type](set);
            }
            expect(world.available).toBeGreaterThanOrEqual(replicas);
            const total = world.sets.reduce((sum, set) => sum + set.spec!.replicas!, 0);
            expect(total).toBeLessThanOrEqual(replicas + surge);
          }
          const image = world.deployment.spec!.template.spec!.containers[0]!.image!;
          world.settle();
          world.settle();
          expect(world.sizes()).toContain(`${image}:${replicas}`);
        },
      ),
      { numRuns: 150 },
    );
  });
});
