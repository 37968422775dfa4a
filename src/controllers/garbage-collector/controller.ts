/**
 * Deletes what has lost its owners, and carries out foreground and orphaning deletion.
 *
 * An owner counts as absent only when the API says so (by name, with another uid or none): caches of different resources are not at the same
 * revision. Every write is guarded by uid and resourceVersion.
 */

import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import { ApiError, isReason } from '../../api/status.ts';
import type { TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import type { CustomResources } from '../shared/custom-resources.ts';
import type { DeletableResource } from '../shared/deletable-resource.ts';
import { isDeleting } from '../shared/owners.ts';
import { type GraphNode, ObjectGraph } from './object-graph.ts';
import {
  foregroundFinalizer,
  type GarbageAction,
  hasCollectorFinalizer,
  type OwnerState,
  planGarbage,
} from './plan.ts';

const workers = 32;
/** Owners known to be absent: a uid never comes back. The oldest is forgotten first. */
const maxAbsentOwners = 5_000;

export class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #graph: ObjectGraph;
  /** Of uids. */
  readonly #queue: WorkQueue;
  readonly #absent = new Set<string>();

  readonly #custom: CustomResources | undefined;

  constructor(context: ControllerContext, resources: readonly DeletableResource[], custom?: CustomResources) {
    this.#context = context;
    this.#custom = custom;
    this.#graph = new ObjectGraph(context, resources);
    this.#queue = new WorkQueue({ clock: context.clock });
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    // Before everything is there, every owner looks absent.
    await this.#graph.synced();
    for (const informer of this.#graph.informers.values()) this.#follow(informer);
    await this.#custom?.synced;
    this.#custom?.addHandler({
      add: (resource) => this.#follow(this.#graph.add(resource)),
      remove: (resource, deleted) => {
        // A definition goes after its objects: nobody can be asked for them any more.
        const known = this.#graph.remove(resource);
        if (!deleted) return;
        for (const { metadata } of known) this.#noteAbsent(metadata!.uid!);
        for (const object of known) this.#deleted(object);
      },
    });
    await runWorkers(this.#queue, workers, (uid) => this.reconcile(uid), signal, logger);
  }

  #follow(informer: Informer<TypedObject>): void {
    informer.addHandler({
      add: (object) => this.#changed(object),
      update: (object, old) => {
        this.#visitOwners(old);
        this.#changed(object);
      },
      delete: (object) => {
        this.#noteAbsent(object.metadata!.uid!);
        this.#deleted(object);
      },
    });
  }

  #changed(object: TypedObject): void {
    const { uid, ownerReferences = [] } = object.metadata!;
    if (ownerReferences.length > 0 || (isDeleting(object) && hasCollectorFinalizer(object))) this.#queue.add(uid!);
    this.#visitOwners(object);
  }

  #deleted(object: TypedObject): void {
    for (const { object: dependent } of this.#graph.dependents(object.metadata!.uid!))
      this.#queue.add(dependent.metadata!.uid!);
    this.#visitOwners(object);
  }

  /** An owner in foreground or orphaning deletion may have waited for this one to go or to let go. */
  #visitOwners(object: TypedObject): void {
    for (const reference of object.metadata?.ownerReferences ?? []) {
      const owner = this.#graph.owner(reference, object.metadata?.namespace);
      if (owner && isDeleting(owner)) this.#queue.add(reference.uid);
    }
  }

  async reconcile(uid: string): Promise<ReconcileResult | undefined> {
    const node = this.#graph.find(uid);
    if (!node) return undefined;
    const { metadata } = node.object;
    const owners = isDeleting(node.object)
      ? []
      : await Promise.all(
          (metadata?.ownerReferences ?? []).map(async (reference) => ({
            reference,
            state: await this.#stateOf(reference, metadata?.namespace),
          })),
        );
    const dependents = this.#graph.dependents(uid).map(({ object }) => object);
    await this.#execute(node, planGarbage({ object: node.object, owners, dependents }));
    return undefined;
  }

  async #stateOf(reference: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    if (this.#absent.has(reference.uid)) return 'absent';
    const resource = this.#graph.resourceOf(reference);
    if (!resource) return 'unknown';
    const owner =
      this.#graph.owner(reference, namespace) ??
      (await this.#fetch(resource, reference, resource.namespaced ? namespace : undefined));
    if (!owner) return 'absent';
    return isDeleting(owner) && owner.metadata?.finalizers?.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  }

  async #fetch(
    resource: DeletableResource,
    reference: OwnerReference,
    namespace: string | undefined,
  ): Promise<TypedObject | undefined> {
    try {
      const owner = await this.#context.client.get(resource, { namespace, name: reference.name });
      if (owner.metadata?.uid === reference.uid) return owner;
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      // The kind may be gone for now, and the owner still be there.
      if ((error as ApiError).details?.name !== reference.name) throw error;
    }
    this.#noteAbsent(reference.uid);
    return undefined;
  }

  #noteAbsent(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size > maxAbsentOwners) this.#absent.delete(this.#absent.values().next().value!);
  }

  async #execute({ resource, object }: GraphNode, action: GarbageAction): Promise<void> {
    switch (action.type) {
      case 'none':
        return;
      case 'delete':
        return this.#delete(resource, object, action.propagationPolicy);
      case 'drop-owners':
        return this.#dropOwners(resource, object, action.uids);
      case 'unblock-owners': {
        const ownerReferences = (object.metadata?.ownerReferences ?? []).map((reference) =>
          action.uids.includes(reference.uid) ? { ...reference, blockOwnerDeletion: false } : reference,
        );
        return this.#patch(resource, object, { ownerReferences });
      }
      case 'remove-finalizer': {
        const finalizers = (object.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== action.finalizer);
        return this.#patch(resource, object, { finalizers });
      }
      case 'visit-dependents':
        for (const { metadata } of action.dependents) this.#queue.add(metadata!.uid!);
        return;
      case 'orphan-dependents': {
        const { uid } = object.metadata!;
        await Promise.all(
          this.#graph
            .dependents(uid!)
            .map((dependent) => this.#dropOwners(dependent.resource, dependent.object, [uid!])),
        );
        return;
      }
    }
  }

  async #delete(
    resource: DeletableResource,
    object: TypedObject,
    propagationPolicy: 'Background' | 'Foreground' | 'Orphan',
  ): Promise<void> {
    const { namespace, name, uid, resourceVersion } = object.metadata!;
    const options = { propagationPolicy, preconditions: { uid, resourceVersion } };
    await this.#tolerateNotFound(this.#context.client.delete(resource, { namespace, name: name! }, options));
  }

  #dropOwners(resource: DeletableResource, object: TypedObject, uids: readonly string[]): Promise<void> {
    const ownerReferences = (object.metadata?.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    return this.#patch(resource, object, { ownerReferences });
  }

  async #patch(resource: DeletableResource, object: TypedObject, change: object): Promise<void> {
    const { namespace, name, uid, resourceVersion } = object.metadata!;
    const patch = { metadata: { uid, resourceVersion, ...change } };
    await this.#tolerateNotFound(this.#context.client.patch(resource, { namespace, name: name! }, 'merge', patch));
  }

  async #tolerateNotFound(write: Promise<unknown>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error;
    }
  }
}
