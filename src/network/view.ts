/**
 * The cluster's network as this node knows it: Services, EndpointSlices, policies, namespaces, nodes, and pods that have an address. One place
 * for the service proxy, the names and the policies. Invariants: but for a full set (the cluster may have been restored) an object never
 * goes back to an older state; subscribers see each message of a master as one change, after the view has taken all of it in.
 */
import type { Namespace, Node, Pod, Service } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import type { NetworkPolicy } from '../api/generated/types/networking-v1.ts';
import type { TypedObject } from '../api/types.ts';

export interface NetworkObjects {
  readonly services: Service;
  readonly endpointslices: EndpointSlice;
  readonly networkpolicies: NetworkPolicy;
  readonly namespaces: Namespace;
  readonly nodes: Node;
  readonly pods: Pod;
}

export type NetworkResource = keyof NetworkObjects;

/** `old` and `object`: before and after; undefined: not there. */
export type NetworkChange = {
  readonly [R in NetworkResource]: {
    readonly resource: R;
    /** `namespace/name`, or `name`. */
    readonly key: string;
    readonly old: NetworkObjects[R] | undefined;
    readonly object: NetworkObjects[R] | undefined;
  };
}[NetworkResource];

/** `complete`: a whole set has been taken in; before that, what is missing may just not have been told yet. */
export type NetworkListener = (changes: readonly NetworkChange[], complete: boolean) => void;

/** One object as a master, or the file of what was known, tells it. */
export interface ToldObject {
  readonly resource: string;
  readonly key: string;
  readonly object: TypedObject | undefined;
}

export interface NetworkState {
  readonly revision: string;
  readonly objects: { readonly [R in NetworkResource]: readonly NetworkObjects[R][] };
}

export const networkResources: readonly NetworkResource[] = [
  'namespaces',
  'nodes',
  'networkpolicies',
  'services',
  'endpointslices',
  'pods',
];

export class NetworkView {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly policies: ReadonlyMap<string, NetworkPolicy>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly #maps: Record<NetworkResource, Map<string, TypedObject>>;
  readonly #listeners = new Set<NetworkListener>();
  #revision = 0n;
  #complete = false;
  /** Per resource, what the full set under way has named so far. */
  #seen: Record<NetworkResource, Set<string>> | undefined;

  constructor() {
    this.#maps = perResource(() => new Map<string, TypedObject>());
    this.namespaces = this.#maps.namespaces;
    this.nodes = this.#maps.nodes;
    this.policies = this.#maps.networkpolicies;
    this.services = this.#maps.services as Map<string, Service>;
    this.endpointSlices = this.#maps.endpointslices as Map<string, EndpointSlice>;
    this.pods = this.#maps.pods;
  }

  /** Up to which everything is known; 0 before the first full set. */
  get revision(): bigint {
    return this.#revision;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** What is there already is told as one change, at once, unless there is nothing. Returns how to end it. */
  subscribe(listener: NetworkListener): () => void {
    this.#listeners.add(listener);
    const present = networkResources.flatMap((resource) =>
      [...this.#maps[resource]].map(([key, object]) => ({ resource, key, old: undefined, object }) as NetworkChange),
    );
    if (present.length > 0 || this.#complete) listener(present, this.#complete);
    return () => this.#listeners.delete(listener);
  }

  /** A stream begins. `full`: what it does not name until the first revision is gone. */
  begin(full: boolean): void {
    this.#seen = full ? perResource(() => new Set<string>()) : undefined;
  }

  /** Takes in one message; `revision` 0: more of the same follows. Resources that this version does not know are left out. */
  apply(told: readonly ToldObject[], revision: bigint): void {
    const changes: NetworkChange[] = [];
    for (const { resource, key, object } of told) {
      if (!isResource(resource)) continue;
      this.#seen?.[resource].add(key);
      this.#set(resource, key, object, changes);
    }
    const first = revision > 0n && !this.#complete;
    if (revision > 0n) {
      this.#endFullSet(changes);
      this.#revision = revision;
      this.#complete = true;
    }
    if (changes.length > 0 || first) for (const listener of this.#listeners) listener(changes, this.#complete);
  }

  state(): NetworkState {
    const objects = perResource((resource) => [...this.#maps[resource].values()]);
    return { revision: String(this.#revision), objects: objects as unknown as NetworkState['objects'] };
  }

  #set(resource: NetworkResource, key: string, object: TypedObject | undefined, changes: NetworkChange[]): void {
    const map = this.#maps[resource];
    const old = map.get(key);
    if (object ? old && !this.#replaces(object, old) : !old) return;
    if (object) map.set(key, object);
    else map.delete(key);
    changes.push({ resource, key, old, object } as NetworkChange);
  }

  #replaces(object: TypedObject, old: TypedObject): boolean {
    const [revision, oldRevision] = [object, old].map(({ metadata }) => Number(metadata?.resourceVersion ?? 0));
    return this.#seen ? revision !== oldRevision : revision! > oldRevision!;
  }

  #endFullSet(changes: NetworkChange[]): void {
    const seen = this.#seen;
    this.#seen = undefined;
    if (!seen) return;
    for (const resource of networkResources)
      for (const key of [...this.#maps[resource].keys()])
        if (!seen[resource].has(key)) this.#set(resource, key, undefined, changes);
  }
}

function isResource(name: string): name is NetworkResource {
  return (networkResources as readonly string[]).includes(name);
}

function perResource<T>(make: (resource: NetworkResource) => T): Record<NetworkResource, T> {
  return Object.fromEntries(networkResources.map((resource) => [resource, make(resource)])) as Record<
    NetworkResource,
    T
  >;
}
