/**
 * Keeps as many pods as each ReplicaSet, or each ReplicationController, asks for.
 *
 * One is planned again only when the cache shows everything that was written for it before, so a cache that is behind never
 * makes a pod twice.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ReplicaSet, ReplicaSetStatus } from '../../api/generated/types/apps-v1.ts';
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
import { controllerOf, controllerReference, isDeleting, ownerIndexers } from '../shared/owners.ts';
import { PendingWrites } from '../shared/pending-writes.ts';
import type { ReplicaKind } from './kinds.ts';
import { planReplicaSet, type ReplicaSetPlan, withFailure } from './plan.ts';

const workers = 32;
/** Creates of the first batch; doubles while they succeed, so that a full quota is not met by a flood. */
const firstBatch = 16;
/** Safety only: the change that makes our own writes visible wakes the key long before. */
const invisibleRetryMs = 30_000;

export class ReplicaSetController {
  readonly #context: ControllerContext;
  readonly #kind: ReplicaKind;
  readonly #queue: WorkQueue;
  /** As they are stored: what differs between the kinds is the kind's business. */
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #pending: PendingWrites<Pod>;
  readonly #recorder: EventRecorder;

  constructor(context: ControllerContext, kind: ReplicaKind) {
    this.#context = context;
    this.#kind = kind;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#replicaSets = context.informers.of<ReplicaSet>(kind.resource, ownerIndexers);
    this.#pods = context.informers.of<Pod>(resources.pods, ownerIndexers);
    this.#pending = new PendingWrites(this.#pods);
    this.#recorder = context.recorderFor(kind.component);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    this.#replicaSets.addHandler({
      add: (set) => this.#queue.add(keyOf(set)),
      update: (set) => this.#queue.add(keyOf(set)),
      delete: (set) => this.#queue.add(keyOf(set)),
    });
    this.#pods.addHandler({
      add: (pod) => this.#podChanged(pod),
      update: (pod, old) => {
        if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) this.#podChanged(old);
        this.#podChanged(pod);
      },
      delete: (pod) => this.#podChanged(pod),
    });
    await Promise.all([this.#replicaSets.synced, this.#pods.synced]);
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  #podChanged(pod: Pod): void {
    const namespace = pod.metadata?.namespace ?? '';
    const controller = controllerOf(pod);
    if (controller) {
      if (controller.kind === this.#kind.kind) this.#queue.add(`${namespace}/${controller.name}`);
      return;
    }
    for (const set of this.#replicaSets.byNamespace(namespace))
      if (selects(this.#kind.asReplicaSet(set).spec?.selector, pod.metadata?.labels)) this.#queue.add(keyOf(set));
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const set = this.#replicaSets.get(key);
    if (!set) {
      this.#pending.forget(key);
      return undefined;
    }
    if (!this.#pending.isVisible(key)) return { requeueAfterMs: invisibleRetryMs };
    const nowMs = this.#context.clock.nowMs();
    const pods = [...this.#owned(set), ...this.#pods.byIndex('uncontrolled', set.metadata?.namespace ?? '')];
    const plan = planReplicaSet({
      replicaSet: this.#kind.asReplicaSet(set),
      pods,
      relatedPods: this.#related(set),
      nowMs,
    });
    await this.#changeOwners(set, plan);
    const failure = await this.#execute(key, set, plan).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const reason = plan.create > 0 ? 'FailedCreate' : 'FailedDelete';
    const message = failure && (failure.error instanceof Error ? failure.error.message : String(failure.error));
    await this.#writeStatus(
      set,
      withFailure(plan.status, message === undefined ? undefined : { reason, message }, nowMs),
    );
    if (failure) throw failure.error;
    return { requeueAfterMs: plan.requeueAfterMs };
  }

  #reference(set: ReplicaSet) {
    return controllerReference(set, this.#kind.apiVersion, this.#kind.kind);
  }

  #owned(set: ReplicaSet): Pod[] {
    return this.#pods.byIndex('controller', set.metadata?.uid ?? '');
  }

  #related(set: ReplicaSet): Pod[] {
    const owner = controllerOf(set);
    const siblings = owner ? this.#replicaSets.byIndex('controller', owner.uid) : [set];
    return siblings.flatMap((sibling) => this.#owned(sibling));
  }

  async #changeOwners(set: ReplicaSet, plan: ReplicaSetPlan): Promise<void> {
    const { client } = this.#context;
    if (plan.adopt.length > 0) await assertOwnerLives(client, this.#kind.resource, set);
    const reference = this.#reference(set);
    await Promise.all([
      ...plan.adopt.map((pod) => adopt(client, resources.pods, pod, reference)),
      ...plan.release.map((pod) => release(client, resources.pods, pod, reference.uid)),
    ]);
  }

  async #execute(key: string, set: ReplicaSet, plan: ReplicaSetPlan): Promise<void> {
    for (let done = 0, batch = firstBatch; done < plan.create; batch *= 2) {
      const size = Math.min(batch, plan.create - done);
      throwFirst(await Promise.allSettled(Array.from({ length: size }, () => this.#createPod(key, set))));
      done += size;
    }
    throwFirst(await Promise.allSettled(plan.delete.map((pod) => this.#deletePod(key, set, pod))));
  }

  async #createPod(key: string, set: ReplicaSet): Promise<void> {
    const template = set.spec?.template;
    const { labels, annotations, finalizers } = template?.metadata ?? {};
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${set.metadata!.name!}-`,
        namespace: set.metadata?.namespace,
        labels,
        annotations,
        finalizers,
        ownerReferences: [this.#reference(set)],
      },
      spec: template?.spec,
    };
    try {
      const created = await this.#context.client.create<Pod>(resources.pods, pod);
      this.#pending.created(key, created);
      this.#recorder.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      this.#recorder.record(set, 'Warning', 'FailedCreate', `Error creating: ${String((error as Error).message)}`);
      throw error;
    }
  }

  async #deletePod(key: string, set: ReplicaSet, pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata!;
    try {
      await this.#context.client.delete(resources.pods, { namespace, name: name! }, { preconditions: { uid } });
      this.#pending.deleted(key, keyOf(pod), uid!);
      this.#recorder.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      if (isReason(error, 'NotFound')) return;
      this.#recorder.record(set, 'Warning', 'FailedDelete', `Error deleting: ${String((error as Error).message)}`);
      throw error;
    }
  }

  async #writeStatus(set: ReplicaSet, planned: ReplicaSetStatus): Promise<void> {
    const status = this.#kind.status(planned);
    if (isDeepStrictEqual(set.status, status)) return;
    try {
      await this.#context.client.update<ReplicaSet>(this.#kind.resource, { ...set, status }, 'status');
    } catch (error) {
      if (!(isReason(error, 'NotFound') && isDeleting(set))) throw error;
    }
  }
}

function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
