/** Turns changes of a Deployment's pod template into ReplicaSets that grow and shrink. */
import { isDeepStrictEqual } from 'node:util';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import { adopt, assertOwnerLives, release } from '../shared/change-owner.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isNamespaceTerminating } from '../shared/errors.ts';
import { selects } from '../shared/label-selector.ts';
import { claim, controllerOf, controllerReference, ownerIndexers } from '../shared/owners.ts';
import { isFinished } from '../shared/pods.ts';
import { revisionAnnotation } from './annotations.ts';
import { type DeploymentAction, type DeploymentPlan, planDeployment } from './plan.ts';
import { isRolling, sizeOf } from './size.ts';
import { isSameTemplate } from './template.ts';

const workers = 16;

export class DeploymentController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #deployments: Informer<Deployment>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#deployments = context.informers.of<Deployment>(resources.deployments);
    this.#replicaSets = context.informers.of<ReplicaSet>(resources.replicaSets, ownerIndexers);
    this.#pods = context.informers.of<Pod>(resources.pods, ownerIndexers);
    this.#recorder = context.recorderFor('deployment-controller');
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    this.#deployments.addHandler({
      add: (deployment) => this.#queue.add(keyOf(deployment)),
      update: (deployment) => this.#queue.add(keyOf(deployment)),
    });
    this.#replicaSets.addHandler({
      add: (set) => this.#setChanged(set),
      update: (set, old) => {
        if (controllerOf(old)?.uid !== controllerOf(set)?.uid) this.#setChanged(old);
        this.#setChanged(set);
      },
      delete: (set) => this.#setChanged(set),
    });
    // Only Recreate waits for pods to be gone.
    this.#pods.addHandler({
      update: (pod, old) => isFinished(pod) && !isFinished(old) && this.#podGone(pod),
      delete: (pod) => this.#podGone(pod),
    });
    await Promise.all([this.#deployments.synced, this.#replicaSets.synced, this.#pods.synced]);
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  #setChanged(set: ReplicaSet): void {
    const namespace = set.metadata?.namespace ?? '';
    const controller = controllerOf(set);
    if (controller) {
      if (controller.kind === 'Deployment') this.#queue.add(`${namespace}/${controller.name}`);
      return;
    }
    for (const deployment of this.#deployments.byNamespace(namespace))
      if (selects(deployment.spec?.selector, set.metadata?.labels)) this.#queue.add(keyOf(deployment));
  }

  #podGone(pod: Pod): void {
    const owner = controllerOf(pod);
    const set = owner?.kind === 'ReplicaSet' && this.#replicaSets.get(`${pod.metadata?.namespace}/${owner.name}`);
    const deployment = set && this.#deployments.get(`${pod.metadata?.namespace}/${controllerOf(set)?.name}`);
    if (deployment && !isRolling(deployment)) this.#queue.add(keyOf(deployment));
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const deployment = this.#deployments.get(key);
    if (!deployment) return undefined;
    const nowMs = this.#context.clock.nowMs();
    const replicaSets = await this.#claim(deployment);
    if (!replicaSets) return undefined;
    const livePods = new Map(
      replicaSets.map(({ metadata }) => [
        metadata!.uid!,
        this.#pods.byIndex('controller', metadata!.uid!).filter((pod) => !isFinished(pod)).length,
      ]),
    );
    const plan = planDeployment({ deployment, replicaSets, livePods, nowMs });
    await this.#execute(deployment, plan);
    return { requeueAfterMs: plan.requeueAfterMs };
  }

  /** Undefined when some were adopted just now: they come back through the informer, which wakes the Deployment again. */
  async #claim(deployment: Deployment): Promise<ReplicaSet[] | undefined> {
    const { client } = this.#context;
    const { namespace = '', uid = '' } = deployment.metadata ?? {};
    const candidates = [
      ...this.#replicaSets.byIndex('controller', uid),
      ...this.#replicaSets.byIndex('uncontrolled', namespace),
    ];
    const claimed = claim(deployment, candidates, (set) => selects(deployment.spec?.selector, set.metadata?.labels));
    if (claimed.adopt.length > 0) await assertOwnerLives(client, resources.deployments, deployment);
    const reference = controllerReference(deployment, 'apps/v1', 'Deployment');
    await Promise.all([
      ...claimed.adopt.map((set) => adopt(client, resources.replicaSets, set, reference)),
      ...claimed.release.map((set) => release(client, resources.replicaSets, set, uid)),
    ]);
    return claimed.adopt.length > 0 ? undefined : claimed.owned;
  }

  async #execute(deployment: Deployment, plan: DeploymentPlan): Promise<void> {
    const collisions = await Promise.all(plan.actions.map((action) => this.#act(deployment, action)));
    const collided = collisions.includes(true);
    const status = collided
      ? { ...plan.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 }
      : plan.status;
    const latest = collided ? deployment : await this.#setRevision(deployment, plan.revision);
    await this.#writeStatus(latest, status);
  }

  /** True when the name of a new ReplicaSet is taken by one with another template. */
  async #act(deployment: Deployment, action: DeploymentAction): Promise<boolean> {
    const { client } = this.#context;
    const { namespace, name, uid, resourceVersion } = action.replicaSet.metadata!;
    switch (action.type) {
      case 'create':
        return this.#create(deployment, action.replicaSet);
      case 'update':
        await client.update(resources.replicaSets, action.replicaSet);
        this.#tellScaled(deployment, name!, sizeOf(action.was), sizeOf(action.replicaSet));
        return false;
      case 'delete':
        await client
          .delete(resources.replicaSets, { namespace, name: name! }, { preconditions: { uid, resourceVersion } })
          .catch((error: unknown) => {
            if (!isReason(error, 'NotFound')) throw error;
          });
        return false;
    }
  }

  async #create(deployment: Deployment, set: ReplicaSet): Promise<boolean> {
    const { client } = this.#context;
    const { namespace, name } = set.metadata!;
    try {
      await client.create(resources.replicaSets, set);
      this.#tellScaled(deployment, name!, 0, sizeOf(set));
      return false;
    } catch (error) {
      if (isNamespaceTerminating(error)) return false;
      if (!isReason(error, 'AlreadyExists')) {
        const message = `Failed to create new replica set "${name}": ${String((error as Error).message)}`;
        this.#recorder.record(deployment, 'Warning', 'ReplicaSetCreateError', message);
        throw error;
      }
      const present = await client.get<ReplicaSet>(resources.replicaSets, { namespace, name: name! });
      const isOurs = controllerOf(present)?.uid === deployment.metadata?.uid;
      // Ours of an earlier pass, which the cache does not show yet.
      return !(isOurs && isSameTemplate(present.spec?.template, set.spec?.template));
    }
  }

  #tellScaled(deployment: Deployment, name: string, from: number, to: number): void {
    if (from === to) return;
    const direction = to > from ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`;
    this.#recorder.record(deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  /** The Deployment that a status may be written to. */
  async #setRevision(deployment: Deployment, revision: string | undefined): Promise<Deployment> {
    if (revision === undefined) return deployment;
    const { namespace, name, uid } = deployment.metadata!;
    const key = { namespace, name: name! };
    const patch = { metadata: { uid, annotations: { [revisionAnnotation]: revision } } };
    const patched = await this.#context.client.patch<Deployment>(resources.deployments, key, 'merge', patch);
    // With its metadata as they are now, others' annotations included. When the spec changed meanwhile, the write conflicts and comes again.
    return patched.metadata?.generation === deployment.metadata?.generation ? patched : deployment;
  }

  async #writeStatus(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    if (isDeepStrictEqual(deployment.status, status)) return;
    await this.#context.client.update<Deployment>(resources.deployments, { ...deployment, status }, 'status');
  }
}
