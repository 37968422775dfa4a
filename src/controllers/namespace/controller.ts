/**
 * Empties a terminating namespace and lets it go. Whether it is empty is asked of the API, never of a cache: with the namespace
 * terminating nothing new can be created in it, so what is empty stays empty.
 */
import type { Namespace } from '../../api/generated/types/core-v1.ts';
import { isReason, qualifiedResource } from '../../api/status.ts';
import { resources, type TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import type { CustomResources } from '../shared/custom-resources.ts';
import type { DeletableResource } from '../shared/deletable-resource.ts';
import { isDeleting } from '../shared/owners.ts';
import { planNamespace, type Remaining } from './plan.ts';

const workers = 8;
/** Finished pods and the like wake us at once; this is the safety behind it, and for resources that are not watched. */
const retryMs = 30_000;
/** Objects read per resource to tell finalizers. */
const sampleSize = 100;

export interface NamespaceControllerOptions {
  /** Everything that can lie in a namespace. */
  readonly contents: readonly DeletableResource[];
  /** Of those, the ones that are watched anyway: their going wakes the namespace. */
  readonly watched: readonly DeletableResource[];
  /** Beside them. */
  readonly custom?: CustomResources | undefined;
}

function isPods({ group, resource }: DeletableResource): boolean {
  return group === '' && resource === resources.pods.resource;
}

export class NamespaceController {
  readonly #context: ControllerContext;
  readonly #options: NamespaceControllerOptions;
  readonly #queue: WorkQueue;
  readonly #namespaces: Informer<Namespace>;

  constructor(context: ControllerContext, options: NamespaceControllerOptions) {
    this.#context = context;
    this.#options = options;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#namespaces = context.informers.of<Namespace>(resources.namespaces);
  }

  async run(): Promise<void> {
    const { informers, signal, logger } = this.#context;
    const enqueue = (namespace: Namespace) => {
      if (isDeleting(namespace)) this.#queue.add(keyOf(namespace));
    };
    this.#namespaces.addHandler({ add: enqueue, update: enqueue });
    for (const resource of this.#options.watched)
      informers.of<TypedObject>(resource).addHandler({
        delete: ({ metadata }) => {
          const namespace = this.#namespaces.get(metadata?.namespace ?? '');
          if (namespace) enqueue(namespace);
        },
      });
    await this.#namespaces.synced;
    // What a namespace holds must be known before one is called empty.
    await this.#options.custom?.synced;
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const namespace = this.#namespaces.get(name);
    if (!namespace || !isDeleting(namespace)) return undefined;
    if ((namespace.spec?.finalizers ?? []).length === 0) return undefined;
    const { client, clock } = this.#context;
    const failures: string[] = [];
    // Pods go first: what they use stays until they are gone (Kubernetes, "Ordered namespace deletion").
    const pods = await this.#remaining(name, this.#options.contents.filter(isPods));
    const found = pods.length > 0 ? pods : await this.#remaining(name, this.#contents());
    await Promise.all(
      found.map(({ resource }) =>
        client
          .deleteCollection(resource, { namespace: name, propagationPolicy: 'Background' })
          .catch((error: unknown) =>
            failures.push(`${qualifiedResource(resource)}: ${String((error as Error).message)}`),
          ),
      ),
    );
    const remaining =
      found.length > 0
        ? await this.#remaining(
            name,
            found.map(({ resource }) => resource),
          )
        : [];
    const goesOn = pods.length > 0 && remaining.length === 0;
    if (goesOn && failures.length === 0) return this.reconcile(name);
    const plan = planNamespace({ namespace, remaining, failures, nowMs: clock.nowMs() });
    try {
      if (plan.finalized) await client.update(resources.namespaces, plan.finalized, 'finalize');
      else if (plan.conditions) {
        const patch = { metadata: { uid: namespace.metadata?.uid }, status: { conditions: plan.conditions } };
        await client.patch(resources.namespaces, { name }, 'merge', patch, 'status');
      }
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    if (failures.length > 0) throw new Error(`namespace "${name}" is not empty yet: ${failures.join(', ')}`);
    return plan.finalized ? undefined : { requeueAfterMs: retryMs };
  }

  #contents(): DeletableResource[] {
    const custom = this.#options.custom?.list() ?? [];
    return [...this.#options.contents, ...custom.filter(({ namespaced }) => namespaced)];
  }

  async #remaining(
    namespace: string,
    contents: readonly DeletableResource[],
  ): Promise<(Remaining & { resource: DeletableResource })[]> {
    const found = await Promise.all(contents.map((resource) => this.#count(namespace, resource)));
    return found.filter(({ count }) => count > 0);
  }

  async #count(namespace: string, resource: DeletableResource): Promise<Remaining & { resource: DeletableResource }> {
    const { items } = await this.#context.client.list(resource, { namespace, limit: sampleSize });
    const finalizers = new Map<string, number>();
    for (const { metadata } of items)
      for (const finalizer of metadata?.finalizers ?? [])
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    return { resource, count: items.length, finalizers };
  }
}
