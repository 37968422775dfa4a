/** All watched objects by uid, and who depends on whom: informers of every resource, indexed. */
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import { apiVersionOf, type TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import type { ControllerContext } from '../shared/context.ts';
import type { DeletableResource } from '../shared/deletable-resource.ts';

export interface GraphNode {
  readonly resource: DeletableResource;
  readonly object: TypedObject;
}

const indexers = {
  uid: (object: TypedObject) => (object.metadata?.uid ? [object.metadata.uid] : []),
  owner: (object: TypedObject) => (object.metadata?.ownerReferences ?? []).map(({ uid }) => uid),
};

export class ObjectGraph {
  readonly #context: ControllerContext;
  readonly #informers = new Map<DeletableResource, Informer<TypedObject>>();
  readonly #byKind = new Map<string, DeletableResource>();

  constructor(context: ControllerContext, resources: readonly DeletableResource[]) {
    this.#context = context;
    for (const resource of resources) this.add(resource);
  }

  add(resource: DeletableResource): Informer<TypedObject> {
    const informer = this.#context.informers.of<TypedObject>(resource, indexers);
    this.#informers.set(resource, informer);
    this.#byKind.set(kindKey(resource), resource);
    return informer;
  }

  /** Its resource is no longer served. What was still known of it. */
  remove(resource: DeletableResource): TypedObject[] {
    const known = this.#informers.get(resource)?.list() ?? [];
    this.#informers.delete(resource);
    this.#byKind.delete(kindKey(resource));
    this.#context.informers.drop(resource);
    return known;
  }

  get informers(): ReadonlyMap<DeletableResource, Informer<TypedObject>> {
    return this.#informers;
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced));
  }

  /** What a reference means by its apiVersion and kind; undefined for kinds that are not watched. */
  resourceOf(reference: OwnerReference): DeletableResource | undefined {
    return this.#byKind.get(`${reference.apiVersion} ${reference.kind}`);
  }

  find(uid: string): GraphNode | undefined {
    for (const [resource, informer] of this.#informers) {
      const object = informer.byIndex('uid', uid)[0];
      if (object) return { resource, object };
    }
    return undefined;
  }

  /** By the name that a reference of an object in `namespace` gives. */
  owner(reference: OwnerReference, namespace: string | undefined): TypedObject | undefined {
    const resource = this.resourceOf(reference);
    if (!resource) return undefined;
    const metadata = { name: reference.name, namespace: resource.namespaced ? namespace : undefined };
    const object = this.#informers.get(resource)!.get(keyOf({ metadata }));
    return object?.metadata?.uid === reference.uid ? object : undefined;
  }

  dependents(uid: string): GraphNode[] {
    const result: GraphNode[] = [];
    for (const [resource, informer] of this.#informers)
      for (const object of informer.byIndex('owner', uid)) result.push({ resource, object });
    return result;
  }
}

function kindKey(resource: DeletableResource): string {
  return `${apiVersionOf(resource)} ${resource.kind}`;
}
