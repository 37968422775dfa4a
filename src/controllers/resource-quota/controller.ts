/**
 * Keeps the status of ResourceQuotas: what is used, of what is allowed. Writes that use more have charged the quota themselves, in their own transaction; this
 * finds out what was given back. A quota is read before its objects are listed, and written only if it is still the same then: so nothing that was
 * charged in between can get lost.
 */
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import type { Pod, ResourceQuota } from '../../api/generated/types/core-v1.ts';
import { evaluatorFor } from '../../api/quota/evaluator.ts';
import { isReason } from '../../api/status.ts';
import type { KubernetesObject, TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import type { DeletableResource } from '../shared/deletable-resource.ts';
import { customResources, measuredResources, planStatus, sameStatus } from './plan.ts';

const workers = 4;
const customResourceDefinitions = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
} as const;
const quotas = { group: '', version: 'v1', resource: 'resourcequotas' } as const;
/** Quotas are calculated anew from time to time whatever happens. */
const resyncMs = 5 * 60_000;
/** Deletions come in bunches. */
const settleMs = 50;
/** What was made has been charged already; this only finds what was made before its quota was known. */
const lateMs = 5_000;
/** Custom resources are not followed, but looked at this often where a quota counts them. */
const customMs = 10_000;

export class ResourceQuotaController {
  readonly #context: ControllerContext;
  readonly #resources: readonly DeletableResource[];
  readonly #queue: WorkQueue;
  readonly #quotas: Informer<ResourceQuota>;
  readonly #definitions: Informer<CustomResourceDefinition>;

  /** `resources`: whatever can be in a namespace and is watched anyway. */
  constructor(context: ControllerContext, resources: readonly DeletableResource[]) {
    this.#context = context;
    this.#resources = resources.filter(({ namespaced }) => namespaced);
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#quotas = context.informers.of<ResourceQuota>(quotas);
    this.#definitions = context.informers.of<CustomResourceDefinition>(customResourceDefinitions);
  }

  async run(): Promise<void> {
    const { signal, logger, informers } = this.#context;
    this.#quotas.addHandler({
      add: (quota) => this.#queue.add(keyOf(quota)),
      update: (quota, old) => {
        if (JSON.stringify(quota.spec) !== JSON.stringify(old.spec)) this.#queue.add(keyOf(quota));
        if (JSON.stringify(quota.status?.hard) !== JSON.stringify(old.status?.hard)) this.#later(quota);
      },
    });
    const defined = (definition: CustomResourceDefinition) => {
      const counting = this.#quotas.list().filter((quota) => customResources(quota, [definition]).length > 0);
      for (const quota of counting) this.#queue.add(keyOf(quota));
    };
    this.#definitions.addHandler({ add: defined, update: defined });
    await Promise.all([this.#quotas.synced, this.#definitions.synced]);
    for (const resource of this.#resources) {
      const measures = (object: TypedObject, delayMs: number) => this.#enqueue(resource, object, delayMs);
      informers.of(resource).addHandler({
        add: (object) => measures(object, lateMs),
        update: (object, old) => measures(object, hasEnded(object as Pod) && !hasEnded(old as Pod) ? 0 : lateMs),
        delete: (object) => measures(object, settleMs),
      });
    }
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  #enqueue(resource: DeletableResource, object: TypedObject, delayMs: number): void {
    const namespace = object.metadata?.namespace;
    if (namespace === undefined) return;
    const { counts } = evaluatorFor(resource);
    for (const quota of this.#quotas.byIndex('namespace', namespace)) {
      if (Object.keys(quota.spec?.hard ?? {}).some(counts)) this.#queue.addAfter(keyOf(quota), delayMs);
    }
  }

  #later(quota: ResourceQuota): void {
    this.#queue.addAfter(keyOf(quota), lateMs);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const { client, clock } = this.#context;
    const [namespace = '', name = ''] = key.split('/');
    let again = resyncMs;
    try {
      const quota = await client.get<ResourceQuota>(quotas, { namespace, name });
      const customs = customResources(quota, this.#definitions.list());
      const measured = await Promise.all(
        [...measuredResources(quota, this.#resources), ...customs].map(async (resource) => {
          const { items } = await client.list(resource, { namespace });
          return { resource, objects: items as KubernetesObject[] };
        }),
      );
      const status = planStatus(quota, measured, clock.nowMs());
      again = customs.length > 0 ? customMs : resyncMs;
      if (!sameStatus(quota.status, status)) await client.update(quotas, { ...quota, status }, 'status');
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      // Something was charged meanwhile: measure again.
      if (isReason(error, 'Conflict')) this.#queue.addAfter(key, settleMs);
      else throw error;
    }
    return { requeueAfterMs: again };
  }
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}
