/**
 * Gives CustomResourceDefinitions their names, first come first served within a group, and has them served; empties those that are being
 * deleted before they go.
 */
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import { isReason } from '../../api/status.ts';
import type { TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { customResourceDefinitions, resourceOfDefinition } from '../shared/custom-resources.ts';
import type { DeletableResource } from '../shared/deletable-resource.ts';
import { isDeleting } from '../shared/owners.ts';
import { cleanupFinalizer, planNames, withCondition } from './plan.ts';

/** One: names are given out in order. */
const workers = 1;
/** Objects with finalizers of their own go when they go. */
const retryMs = 1_000;
/** Objects per page when namespaces are looked for. */
const pageSize = 500;

type Definition = CustomResourceDefinition & TypedObject;

export class CustomResourceDefinitionController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #definitions: Informer<Definition>;
  /** Fresher than the cache: what was written here. */
  readonly #written = new Map<string, Definition>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#definitions = context.informers.of<Definition>(customResourceDefinitions);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const changed = (definition: Definition) => this.#queue.add(definition.metadata?.name ?? '');
    this.#definitions.addHandler({
      add: changed,
      update: changed,
      delete: (definition) => {
        this.#written.delete(definition.metadata?.name ?? '');
        this.#enqueueGroup(definition.spec.group);
      },
    });
    await this.#definitions.synced;
    await runWorkers(this.#queue, workers, (name) => this.reconcile(name), signal, logger);
  }

  /** Names may have become free. */
  #enqueueGroup(group: string): void {
    for (const { metadata, spec } of this.#definitions.list()) {
      if (spec.group === group) this.#queue.add(metadata?.name ?? '');
    }
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const definition = this.#current(name);
    if (!definition) return undefined;
    if (isDeleting(definition)) return this.#empty(definition);
    const others = this.#definitions
      .list()
      .filter(({ metadata, spec }) => spec.group === definition.spec.group && metadata?.name !== name)
      .map((other) => this.#current(other.metadata?.name ?? '') ?? other);
    const status = planNames(definition, others, this.#context.clock.nowMs());
    if (!status) return undefined;
    await this.#write({ ...definition, status }, 'status');
    this.#enqueueGroup(definition.spec.group);
    return undefined;
  }

  #current(name: string): Definition | undefined {
    const cached = this.#definitions.get(name);
    const written = this.#written.get(name);
    if (!cached || !written) return cached;
    if (revisionOf(written) > revisionOf(cached) && written.metadata?.uid === cached.metadata?.uid) return written;
    this.#written.delete(name);
    return cached;
  }

  /** A conflict comes back as an event. */
  async #write(definition: Definition, subresource?: string): Promise<void> {
    try {
      const written = await this.#context.client.update(customResourceDefinitions, definition, subresource);
      this.#written.set(written.metadata?.name ?? '', written);
    } catch (error) {
      if (isReason(error, 'NotFound') || isReason(error, 'Conflict')) return;
      throw error;
    }
  }

  async #empty(definition: Definition): Promise<ReconcileResult | undefined> {
    const finalizers = definition.metadata?.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) return undefined;
    const resource = resourceOfDefinition(definition);
    const left = resource ? await this.#deleteAll(resource) : 0;
    if (left > 0) {
      await this.#tell(definition, left);
      return { requeueAfterMs: retryMs };
    }
    const metadata = { ...definition.metadata, finalizers: finalizers.filter((one) => one !== cleanupFinalizer) };
    await this.#write({ ...definition, metadata });
    return undefined;
  }

  /** How many are left: with finalizers of their own, or created in between. */
  async #deleteAll(resource: DeletableResource): Promise<number> {
    const { client } = this.#context;
    const namespaces = new Set<string | undefined>();
    let next: string | undefined;
    do {
      const { items, continue: more } = await client.list<TypedObject>(resource, { limit: pageSize, continue: next });
      for (const { metadata } of items) namespaces.add(metadata?.namespace);
      next = more;
    } while (next !== undefined && next !== '');
    await Promise.all(Array.from(namespaces, (namespace) => client.deleteCollection(resource, { namespace })));
    if (namespaces.size === 0) return 0;
    const { items } = await client.list<TypedObject>(resource, { limit: pageSize });
    return items.length;
  }

  async #tell(definition: Definition, left: number): Promise<void> {
    const conditions = definition.status?.conditions ?? [];
    const condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: `CustomResource deletion is in progress: ${left} left`,
    };
    const next = withCondition(conditions, condition, this.#context.clock.nowMs());
    if (next !== conditions)
      await this.#write({ ...definition, status: { ...definition.status, conditions: next } }, 'status');
  }
}

function revisionOf({ metadata }: Definition): number {
  return Number(metadata?.resourceVersion ?? 0);
}
