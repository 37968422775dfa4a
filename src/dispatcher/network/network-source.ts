/**
 * What every node has to know of the cluster's network, kept by one watch per resource however many agents listen. Nodes all see the
 * same, so there is one log of what changed. What an agent is told twice, or late, does no harm: it keeps the newer state of an object.
 */
import type { Namespace, Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import type { NetworkPolicy } from '../../api/generated/types/networking-v1.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../../api/types.ts';
import { delay } from '../../client/backoff.ts';
import { Informer } from '../../client/informer.ts';
import type { ApiClient } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Item, itemOf, type NetworkResource, parseItem } from '../items.ts';
import { maxTouchedNetwork } from '../limits.ts';
import { TouchedLog } from '../touched-log.ts';
import {
  hasAddress,
  sameSlim,
  slimNamespace,
  slimNetworkNode,
  slimNetworkPod,
  slimPolicy,
  slimService,
  slimSlice,
} from './slim.ts';

const pollMs = 10;

export interface NetworkSourceOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export type NetworkListener = (item: Item) => void;

export class NetworkSource {
  readonly #options: NetworkSourceOptions;
  /** In the order in which a full set is told: namespaces before policies, Services before their endpoints. */
  readonly #informers = new Map<NetworkResource, Informer<TypedObject>>();
  readonly #touched = new TouchedLog(maxTouchedNetwork);
  readonly #listeners = new Set<NetworkListener>();
  readonly #encoded = new WeakMap<TypedObject, Uint8Array>();
  readonly #listing: Set<Informer<TypedObject>>;
  #completeAfter = 0;

  constructor(options: NetworkSourceOptions) {
    this.#options = options;
    this.#add<Namespace>('namespaces', resources.namespaces, slimNamespace);
    this.#add<Node>('nodes', resources.nodes, slimNetworkNode);
    this.#add<NetworkPolicy>('networkpolicies', resources.networkPolicies, slimPolicy);
    this.#add<Service>('services', resources.services, slimService);
    this.#add<EndpointSlice>('endpointslices', resources.endpointSlices, slimSlice);
    this.#add<Pod>('pods', resources.pods, slimNetworkPod);
    this.#listing = new Set(this.#informers.values());
  }

  /** Begins to list and watch, until the signal aborts. */
  start(): void {
    for (const [resource, informer] of this.#informers) {
      informer.addHandler({
        add: (object) => this.#changed(resource, undefined, object),
        update: (object, old) => this.#changed(resource, old, object),
        delete: (object) => this.#changed(resource, object, undefined),
      });
      void informer.synced.then(() => this.#noteLists());
      void informer.run(this.#options.signal);
    }
  }

  /** Everything up to here has been taken in; 0 while a list is under way. */
  get revision(): number {
    this.#noteLists();
    return Math.min(...[...this.#informers.values()].map((informer) => informer.revision));
  }

  subscribe(listener: NetworkListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once every resource is in memory. */
  async ready(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced));
    while (this.revision === 0 && !signal.aborted) await delay(this.#options.clock, pollMs, signal);
  }

  items(): Item[] {
    return [...this.#informers].flatMap(([resource, informer]) =>
      informer
        .list()
        .filter((object) => isTold(resource, object))
        .map((object) => itemOf(resource, object)),
    );
  }

  /** What changed after `revision`, or undefined if that is not known any more. Another master may have been ahead of this one. */
  touchedSince(revision: number): Item[] | undefined {
    const now = this.revision;
    if (now === 0 || revision < this.#completeAfter) return undefined;
    return this.#touched.since(Math.min(revision, now));
  }

  /** The item's JSON as it is now; undefined: it is not there. */
  resolve(_node: string, item: Item): Uint8Array | undefined {
    const { resource, namespace, name } = parseItem(item);
    const object = this.#informers
      .get(resource as NetworkResource)
      ?.get(namespace === '' ? name : `${namespace}/${name}`);
    if (!object || !isTold(resource as NetworkResource, object)) return undefined;
    let bytes = this.#encoded.get(object);
    if (!bytes) {
      bytes = Buffer.from(JSON.stringify(object));
      this.#encoded.set(object, bytes);
    }
    return bytes;
  }

  #add<T extends TypedObject>(name: NetworkResource, resource: GroupVersionResource, keep: (object: T) => T): void {
    const { client, clock, logger } = this.#options;
    this.#informers.set(
      name,
      new Informer<T>({ client, clock, logger, resource, keep }) as unknown as Informer<TypedObject>,
    );
  }

  #changed(resource: NetworkResource, old: TypedObject | undefined, object: TypedObject | undefined): void {
    this.#noteLists();
    const was = old && isTold(resource, old);
    const is = object && isTold(resource, object);
    if (!was && !is) return;
    if (was && is && sameSlim(old, object)) return;
    const present = object ?? old!;
    const item = itemOf(resource, present);
    this.#touched.touch(item, Number(present.metadata?.resourceVersion ?? 0));
    for (const listener of this.#listeners) listener(item);
  }

  /** Resuming from before a list is not possible: what it found gone may have gone at any revision before. */
  #noteLists(): void {
    for (const informer of this.#informers.values()) {
      if (informer.revision === 0) this.#listing.add(informer);
      else if (this.#listing.delete(informer)) this.#completeAfter = Math.max(this.#completeAfter, informer.revision);
    }
  }
}

function isTold(resource: NetworkResource, object: TypedObject): boolean {
  return resource !== 'pods' || hasAddress(object as Pod);
}
