/**
 * What each node has to know, kept up to date by one watch per resource however many agents are connected.
 *
 * `revision` is the lowest revision up to which all four resources have been taken in. An agent that has everything up to revision R
 * may resume with the items touched after R, at any master whose memory of touched items reaches back to R: items are told by their
 * present state, so that telling one twice does no harm.
 */
import type { ConfigMap, Node, Pod, Secret } from '../api/generated/types/core-v1.ts';
import { resources, type TypedObject } from '../api/types.ts';
import { delay } from '../client/backoff.ts';
import { Informer, type InformerHandler } from '../client/informer.ts';
import type { ApiClient } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { AssignmentIndex } from './assignment-index.ts';
import { type AssignedResource, type Item, itemOf, parseItem } from './items.ts';
import { maxTouchedLogs, maxTouchedNodes, maxTouchedPerNode } from './limits.ts';
import { sameSlimNode, slimNode } from './slim-node.ts';
import { TouchedLog } from './touched-log.ts';
import { withoutManagedFields } from './without-managed-fields.ts';

/** How often a condition is looked at that no event announces. */
const pollMs = 10;

export interface AssignmentSourceOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export type NodeListener = () => void;
export type ItemListener = (item: Item) => void;

export class AssignmentSource {
  readonly #options: AssignmentSourceOptions;
  readonly #pods: Informer<Pod>;
  readonly #secrets: Informer<Secret>;
  readonly #configMaps: Informer<ConfigMap>;
  readonly #nodes: Informer<Node>;
  readonly #index = new AssignmentIndex();
  readonly #touched = new Map<string, TouchedLog>();
  readonly #touchedNodes = new TouchedLog(maxTouchedNodes);
  readonly #listeners = new Map<string, Set<ItemListener>>();
  readonly #nodeListeners = new Map<string, Set<NodeListener>>();
  readonly #slimNodes = new Map<string, Node>();
  readonly #encoded = new WeakMap<TypedObject, Uint8Array>();
  /** Resources whose list is under way: what a list finds missing has no revision of its own. */
  readonly #listing: Set<Informer<TypedObject>>;
  #completeAfter = 0;

  constructor(options: AssignmentSourceOptions) {
    this.#options = options;
    const { client, clock, logger } = options;
    this.#pods = new Informer<Pod>({ client, clock, logger, resource: resources.pods });
    // All of them, whether a pod refers to them or not: as little of each as there can be.
    const common = { client, clock, logger, keep: withoutManagedFields };
    this.#secrets = new Informer<Secret>({ ...common, resource: resources.secrets });
    this.#configMaps = new Informer<ConfigMap>({ ...common, resource: resources.configMaps });
    this.#nodes = new Informer<Node>({ client, clock, logger, resource: resources.nodes });
    this.#listing = new Set(this.#informers());
  }

  /** Begins to list and watch, until the signal aborts. */
  start(): void {
    const podChanged = (pod: Pod): void => {
      this.#noteLists();
      this.#index.setPod(pod, (node, item) => this.#touch(node, item, this.#revisionOf(pod)));
    };
    this.#pods.addHandler({
      add: podChanged,
      update: podChanged,
      delete: (pod) => {
        this.#noteLists();
        this.#index.removePod(itemOf('pods', pod), (node, item) => this.#touch(node, item, this.#revisionOf(pod)));
      },
    });
    this.#secrets.addHandler(this.#referenceHandler('secrets'));
    this.#configMaps.addHandler(this.#referenceHandler('configmaps'));
    this.#nodes.addHandler({
      add: (node) => this.#nodeChanged(node),
      update: (node) => this.#nodeChanged(node),
      delete: (node) => this.#nodeDeleted(node),
    });
    for (const informer of this.#informers()) {
      // At once, before the first event moves the informer past the revision of its list.
      void informer.synced.then(() => this.#noteLists());
      void informer.run(this.#options.signal);
    }
  }

  /** 0 while a list is under way. */
  get revision(): number {
    this.#noteLists();
    return Math.min(...this.#informers().map((informer) => informer.revision));
  }

  /** Of pods alone: every change of a pod up to here has been taken in. 0 before the first list. */
  get podsRevision(): number {
    return this.#pods.revision;
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#pods.get(`${namespace}/${name}`);
  }

  node(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** Calls back for each item that changed for the node; {@link resolve} tells what it is now. */
  subscribe(node: string, listener: ItemListener): () => void {
    return addListener(this.#listeners, node, listener);
  }

  /** Calls back whenever the Node object has changed in any way, also one that agents are not told of. */
  subscribeNode(node: string, listener: NodeListener): () => void {
    return addListener(this.#nodeListeners, node, listener);
  }

  /** Everything that the node has to know. */
  itemsOf(node: string): Item[] {
    const nodes = [...this.#slimNodes.keys()].map((name): Item => `nodes//${name}`);
    return [...nodes, ...this.#index.itemsOf(node)];
  }

  /** What changed for the node after `revision`, or undefined if that is not known any more. */
  touchedSince(node: string, revision: number): Item[] | undefined {
    const now = this.revision;
    if (now === 0 || revision > now || revision < this.#completeAfter) return undefined;
    const log = this.#touched.get(node);
    const own = log ? log.since(revision) : [];
    const nodes = this.#touchedNodes.since(revision);
    return own && nodes && [...nodes, ...own];
  }

  /** The item's JSON as the node has to see it now; undefined: it must not have it. */
  resolve(node: string, item: Item): Uint8Array | undefined {
    const { resource, namespace, name } = parseItem(item);
    if (resource === 'nodes') return this.#encode(this.#slimNodes.get(name));
    if (!this.#index.wants(node, item)) return undefined;
    const key = `${namespace}/${name}`;
    if (resource === 'pods') return this.#encode(this.#pods.get(key));
    return this.#encode(resource === 'secrets' ? this.#secrets.get(key) : this.#configMaps.get(key));
  }

  /** Resolves once every resource is in memory. */
  async ready(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers().map((informer) => informer.synced));
    while (this.revision === 0 && !signal.aborted) await delay(this.#options.clock, pollMs, signal);
  }

  /** Resolves once every pod up to its state of `revision` is in memory. */
  async podsReached(revision: number, signal: AbortSignal): Promise<void> {
    while (this.#pods.revision < revision && !signal.aborted) await delay(this.#options.clock, pollMs, signal);
  }

  #informers(): Informer<TypedObject>[] {
    return [this.#pods, this.#secrets, this.#configMaps, this.#nodes] as unknown as Informer<TypedObject>[];
  }

  #referenceHandler(resource: AssignedResource): InformerHandler<TypedObject> {
    const changed = (object: TypedObject): void => {
      this.#noteLists();
      const revision = revisionOf(object);
      this.#index.referenceChanged(itemOf(resource, object), (node, item) => this.#touch(node, item, revision));
    };
    return { add: changed, update: changed, delete: changed };
  }

  #nodeChanged(node: Node): void {
    this.#noteLists();
    const name = node.metadata?.name ?? '';
    for (const listener of this.#nodeListeners.get(name) ?? []) listener();
    const old = this.#slimNodes.get(name);
    if (old && sameSlimNode(old, node)) return;
    this.#slimNodes.set(name, slimNode(node));
    this.#touchForAll(node);
  }

  #nodeDeleted(node: Node): void {
    this.#noteLists();
    this.#slimNodes.delete(node.metadata?.name ?? '');
    this.#touchForAll(node);
  }

  #touch(node: string, item: Item, revision: number): void {
    let log = this.#touched.get(node);
    if (!log) {
      // Names of nodes that are long gone; agents that resume across this moment get the full set.
      if (this.#touched.size >= maxTouchedLogs) {
        this.#touched.clear();
        this.#completeAfter = Math.max(this.#completeAfter, ...this.#informers().map((informer) => informer.revision));
      }
      log = new TouchedLog(maxTouchedPerNode);
      this.#touched.set(node, log);
    }
    log.touch(item, revision);
    for (const listener of this.#listeners.get(node) ?? []) listener(item);
  }

  #touchForAll(node: Node): void {
    const item = itemOf('nodes', node);
    this.#touchedNodes.touch(item, revisionOf(node));
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(item);
  }

  /**
   * Of a change that a pod caused. What the pod refers to may be ahead of the pod here, and another master may have told an agent of
   * the pod but not of that: the later revision covers both.
   */
  #revisionOf(pod: Pod): number {
    return Math.max(revisionOf(pod), this.#secrets.revision, this.#configMaps.revision);
  }

  /** Resuming from before a list is not possible: what it found gone may have gone at any revision before. */
  #noteLists(): void {
    for (const informer of this.#informers()) {
      if (informer.revision === 0) this.#listing.add(informer);
      else if (this.#listing.delete(informer)) this.#completeAfter = Math.max(this.#completeAfter, informer.revision);
    }
  }

  #encode(object: TypedObject | undefined): Uint8Array | undefined {
    if (!object) return undefined;
    let bytes = this.#encoded.get(object);
    if (!bytes) {
      bytes = Buffer.from(JSON.stringify(object));
      this.#encoded.set(object, bytes);
    }
    return bytes;
  }
}

function addListener<L>(all: Map<string, Set<L>>, node: string, listener: L): () => void {
  const listeners = all.get(node) ?? new Set<L>();
  all.set(node, listeners.add(listener));
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && all.get(node) === listeners) all.delete(node);
  };
}

function revisionOf(object: TypedObject): number {
  return Number(object.metadata?.resourceVersion ?? 0);
}
