/**
 * An `ApiClient` over a map, for tests of controllers, scheduler and others: one revision sequence, optimistic concurrency, finalizers,
 * graceful deletion of assigned pods, status isolation, list and watch with selectors. Objects handed out are frozen, so that a
 * consumer that changes a shared object fails its test.
 *
 * `calls` records every request; `intercept` may throw or delay one; `holdWatches` makes watchers fall behind; `compact` makes old
 * resourceVersions expire. Garbage collection and other controllers are not here.
 */
import { isDeepStrictEqual } from 'node:util';
import { ApiError, qualifiedResource } from '../../api/status.ts';
import { type GroupVersionResource, type KubernetesObject, resources, type TypedObject } from '../../api/types.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type {
  ApiClient,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectKey,
  PatchType,
  Preconditions,
  WatchEvent,
} from '../types.ts';
import { applyFakePatch } from './patches.ts';
import { matchesFields, matchesLabels } from './selectors.ts';

export interface FakeCall {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'bind';
  readonly resource: GroupVersionResource;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
  /** The object, patch or options that were sent. */
  readonly body?: unknown;
}

interface Change {
  readonly revision: number;
  readonly path: string;
  readonly before?: KubernetesObject | undefined;
  readonly after?: KubernetesObject | undefined;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

const pathOf = (resource: GroupVersionResource, namespace: string | undefined, name: string): string =>
  `${resource.group}/${resource.resource}/${namespace ?? ''}/${name}`;

const isResource = (a: GroupVersionResource, b: GroupVersionResource): boolean =>
  a.group === b.group && a.resource === b.resource;

export class FakeApiClient implements ApiClient {
  readonly calls: FakeCall[] = [];
  /** Runs before each request; what it throws is the request's failure. */
  intercept: ((call: FakeCall) => void | Promise<void>) | undefined;
  readonly #clock: Clock;
  #objects = new Map<string, KubernetesObject>();
  #changes: Change[] = [];
  #revision = 0;
  #compactedRevision = 0;
  #nextId = 1;
  #held = new Set<string>();
  #listeners = new Set<() => void>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get revision(): string {
    return String(this.#revision);
  }

  /** Puts an object in as it is, status, uid and all; fills what is missing. */
  seed<T extends TypedObject>(resource: GroupVersionResource, object: T): T {
    const copy = structuredClone(object) as unknown as KubernetesObject;
    this.#fill(copy);
    return this.#put(resource, copy) as unknown as T;
  }

  /** Changes a stored object without going through the API (no conflict, no status isolation). */
  change<T extends TypedObject>(resource: GroupVersionResource, key: ObjectKey, update: (object: T) => void): T {
    const copy = structuredClone(this.#find(resource, key)) as KubernetesObject;
    update(copy as unknown as T);
    return this.#put(resource, copy) as unknown as T;
  }

  /** Removes an object at once, whatever its finalizers. */
  remove(resource: GroupVersionResource, key: ObjectKey): void {
    this.#remove(pathOf(resource, key.namespace, key.name));
  }

  /** What is stored, for assertions. */
  all<T extends TypedObject>(resource: GroupVersionResource, namespace?: string): T[] {
    const prefix =
      namespace === undefined ? `${resource.group}/${resource.resource}/` : pathOf(resource, namespace, '');
    return [...this.#objects].filter(([path]) => path.startsWith(prefix)).map(([, object]) => object as unknown as T);
  }

  find<T extends TypedObject>(resource: GroupVersionResource, key: ObjectKey): T | undefined {
    return this.#objects.get(pathOf(resource, key.namespace, key.name)) as unknown as T | undefined;
  }

  /** From now on watchers of these resources see nothing, until released: a cache that is behind. */
  holdWatches(...held: GroupVersionResource[]): void {
    for (const resource of held) this.#held.add(qualifiedResource(resource));
  }

  releaseWatches(): void {
    this.#held.clear();
    this.#notify();
  }

  /** Watches from before the present end with 410 Expired. */
  compact(): void {
    this.#compactedRevision = this.#revision;
    this.#notify();
  }

  /** Resolves as soon as `check` holds; it is looked at after every write. */
  async until(check: () => boolean): Promise<void> {
    while (!check()) await this.#nextChange();
  }

  /** Lets everything that is runnable run, a few turns of the event loop. */
  async idle(turns = 20): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async get<T extends TypedObject>(resource: GroupVersionResource, key: ObjectKey): Promise<T> {
    await this.#call({ verb: 'get', resource, ...key });
    return this.#find(resource, key) as unknown as T;
  }

  async list<T extends TypedObject>(resource: GroupVersionResource, options: ListOptions = {}): Promise<ListResult<T>> {
    await this.#call({ verb: 'list', resource, namespace: options.namespace });
    options.signal?.throwIfAborted();
    return { items: this.#select(resource, options) as unknown as T[], resourceVersion: this.revision };
  }

  async *watch<T extends TypedObject>(
    resource: GroupVersionResource,
    options: ListOptions,
  ): AsyncIterable<WatchEvent<T>> {
    await this.#call({ verb: 'watch', resource, namespace: options.namespace });
    const { signal } = options;
    const prefix = options.namespace
      ? pathOf(resource, options.namespace, '')
      : `${resource.group}/${resource.resource}/`;
    const selects = (object: KubernetesObject | undefined): object is KubernetesObject =>
      object !== undefined &&
      matchesLabels(options.labelSelector, object) &&
      matchesFields(options.fieldSelector, object);
    let position = Number(options.resourceVersion ?? 0);
    if (position === 0) {
      const present = this.#select(resource, options);
      position = this.#revision;
      for (const object of present) yield { type: 'ADDED', object: object as unknown as T };
    }
    while (!signal?.aborted) {
      if (position < this.#compactedRevision) {
        const expired = new ApiError('Expired', `too old resource version: ${position} (${this.#compactedRevision})`);
        yield { type: 'ERROR', object: expired.toStatus() };
        return;
      }
      const changes = this.#held.has(qualifiedResource(resource))
        ? []
        : this.#changes.filter((change) => change.revision > position);
      for (const change of changes) {
        if (signal?.aborted) return;
        position = change.revision;
        if (!change.path.startsWith(prefix)) continue;
        const was = selects(change.before);
        if (selects(change.after)) yield { type: was ? 'MODIFIED' : 'ADDED', object: change.after as unknown as T };
        else if (was) {
          const metadata = { ...(change.after ?? change.before)!.metadata, resourceVersion: String(change.revision) };
          yield {
            type: 'DELETED',
            object: deepFreeze({ ...(change.after ?? change.before)!, metadata }) as unknown as T,
          };
        }
      }
      if (changes.length === 0) await this.#nextChange(signal);
    }
  }

  async create<T extends TypedObject>(resource: GroupVersionResource, object: T): Promise<T> {
    const copy = structuredClone(object) as unknown as KubernetesObject;
    await this.#call({
      verb: 'create',
      resource,
      namespace: copy.metadata?.namespace,
      name: copy.metadata?.name,
      body: object,
    });
    if (copy.metadata?.resourceVersion)
      throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created');
    this.#fill(copy);
    const metadata = copy.metadata!;
    delete metadata.deletionTimestamp;
    metadata.generation = 1;
    delete copy.status;
    if (isResource(resource, resources.pods)) copy.status = { phase: 'Pending' };
    if (isResource(resource, resources.namespaces)) {
      copy.spec = { finalizers: ['kubernetes'] };
      copy.status = { phase: 'Active' };
    }
    const namespace = this.#objects.get(pathOf(resources.namespaces, undefined, metadata.namespace ?? ''));
    if (namespace?.metadata?.deletionTimestamp)
      throw new ApiError(
        'Forbidden',
        `unable to create new content in namespace ${metadata.namespace} because it is being terminated`,
        {
          causes: [
            { reason: 'NamespaceTerminating', message: 'namespace is being terminated', field: 'metadata.namespace' },
          ],
        },
      );
    if (this.#objects.has(pathOf(resource, metadata.namespace, metadata.name!)))
      throw new ApiError('AlreadyExists', `${qualifiedResource(resource)} "${metadata.name}" already exists`);
    return this.#put(resource, copy) as unknown as T;
  }

  async update<T extends TypedObject>(resource: GroupVersionResource, object: T, subresource?: string): Promise<T> {
    const { namespace, name } = object.metadata ?? {};
    const copy = structuredClone(object) as unknown as KubernetesObject;
    await this.#call({ verb: 'update', resource, namespace, name, subresource, body: object });
    return this.#replace(resource, { namespace, name: name ?? '' }, () => copy, subresource) as unknown as T;
  }

  async patch<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    subresource?: string,
  ): Promise<T> {
    await this.#call({ verb: 'patch', resource, ...key, subresource, body: patch });
    return this.#replace(resource, key, (old) => applyFakePatch(old, type, patch), subresource) as unknown as T;
  }

  async delete(resource: GroupVersionResource, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#call({ verb: 'delete', resource, ...key, body: options });
    this.#delete(resource, key, options);
  }

  async deleteCollection(resource: GroupVersionResource, options: ListOptions & DeleteOptions): Promise<void> {
    await this.#call({ verb: 'deletecollection', resource, namespace: options.namespace, body: options });
    for (const { metadata } of this.#select(resource, options))
      this.#delete(resource, { namespace: metadata?.namespace, name: metadata!.name! }, options);
  }

  async bind(pod: ObjectKey & { readonly uid?: string | undefined }, nodeName: string): Promise<void> {
    await this.#call({
      verb: 'bind',
      resource: resources.pods,
      namespace: pod.namespace,
      name: pod.name,
      body: nodeName,
    });
    const copy = structuredClone(this.#find(resources.pods, pod));
    this.#checkPreconditions(resources.pods, copy, { uid: pod.uid });
    const spec = (copy.spec ?? {}) as { nodeName?: string };
    if (spec.nodeName) throw new ApiError('Conflict', `pod ${pod.name} is already assigned to node "${spec.nodeName}"`);
    copy.spec = { ...spec, nodeName };
    this.#put(resources.pods, copy);
  }

  async #call(call: FakeCall): Promise<void> {
    this.calls.push(call);
    await this.intercept?.(call);
  }

  #find(resource: GroupVersionResource, key: ObjectKey): KubernetesObject {
    const object = this.#objects.get(pathOf(resource, key.namespace, key.name));
    if (!object) throw new ApiError('NotFound', `${qualifiedResource(resource)} "${key.name}" not found`);
    return object;
  }

  #select(resource: GroupVersionResource, options: ListOptions): KubernetesObject[] {
    return this.all<KubernetesObject>(resource, options.namespace || undefined).filter(
      (object) => matchesLabels(options.labelSelector, object) && matchesFields(options.fieldSelector, object),
    );
  }

  #fill(object: KubernetesObject): void {
    object.metadata ??= {};
    const metadata = object.metadata;
    if (!metadata.name && metadata.generateName) metadata.name = `${metadata.generateName}${this.#suffix()}`;
    if (!metadata.name) throw new ApiError('Invalid', 'name or generateName is required');
    metadata.uid ??= `uid-${this.#nextId++}`;
    metadata.creationTimestamp ??= this.#now();
    metadata.generation ??= 1;
  }

  #suffix(): string {
    return (this.#nextId++).toString(36).padStart(5, '0');
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  #checkPreconditions(
    resource: GroupVersionResource,
    object: KubernetesObject,
    wanted: Preconditions | undefined,
  ): void {
    const metadata = object.metadata!;
    const stale =
      (wanted?.uid !== undefined && wanted.uid !== metadata.uid) ||
      (wanted?.resourceVersion !== undefined && wanted.resourceVersion !== metadata.resourceVersion);
    if (stale)
      throw new ApiError(
        'Conflict',
        `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${metadata.name}": the object has been modified`,
      );
  }

  #replace(
    resource: GroupVersionResource,
    key: ObjectKey,
    build: (old: KubernetesObject) => KubernetesObject,
    subresource: string | undefined,
  ): KubernetesObject {
    const old = this.#find(resource, key);
    const wanted = build(old);
    this.#checkPreconditions(resource, old, {
      uid: wanted.metadata?.uid,
      resourceVersion: wanted.metadata?.resourceVersion,
    });
    const result = structuredClone(old);
    if (subresource === 'status') result.status = wanted.status;
    else if (subresource === 'scale')
      result.spec = { ...(old.spec as object), replicas: (wanted.spec as { replicas: number }).replicas };
    else if (subresource === 'finalize') result.spec = wanted.spec;
    else {
      Object.assign(result, wanted, { metadata: { ...wanted.metadata } });
      for (const field of Object.keys(result)) if (!(field in wanted)) delete result[field];
      const { uid, creationTimestamp, deletionTimestamp, generation } = old.metadata!;
      Object.assign(result.metadata!, { uid, creationTimestamp, generation });
      if (deletionTimestamp) result.metadata!.deletionTimestamp = deletionTimestamp;
      if ('status' in old) result.status = old.status;
      else delete result.status;
    }
    if (!isDeepStrictEqual(result.spec, old.spec)) result.metadata!.generation = (old.metadata!.generation ?? 0) + 1;
    result.metadata!.resourceVersion = old.metadata!.resourceVersion;
    if (isDeepStrictEqual(result, old)) return old;
    if (result.metadata!.deletionTimestamp && this.#isFinished(resource, result)) {
      this.#remove(pathOf(resource, key.namespace, key.name));
      return result;
    }
    return this.#put(resource, result);
  }

  /** A deleted object without finalizers goes, unless its node still has to stop it. */
  #isFinished(resource: GroupVersionResource, object: KubernetesObject): boolean {
    if ((object.metadata?.finalizers ?? []).length > 0) return false;
    if (isResource(resource, resources.namespaces))
      return ((object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []).length === 0;
    return (object.metadata?.deletionGracePeriodSeconds ?? 0) === 0;
  }

  #delete(resource: GroupVersionResource, key: ObjectKey, options: DeleteOptions): void {
    const old = this.#find(resource, key);
    this.#checkPreconditions(resource, old, options.preconditions);
    const copy = structuredClone(old);
    const metadata = copy.metadata!;
    if (isResource(resource, resources.pods)) {
      const spec = copy.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
      const asked = options.gracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
      const seconds = spec?.nodeName ? asked : 0;
      metadata.deletionGracePeriodSeconds = Math.min(seconds, metadata.deletionGracePeriodSeconds ?? seconds);
    }
    const added = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined }[
      options.propagationPolicy ?? 'Background'
    ];
    if (added) metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), added])];
    metadata.deletionTimestamp ??= this.#now();
    if (isResource(resource, resources.namespaces)) copy.status = { ...(copy.status as object), phase: 'Terminating' };
    if (this.#isFinished(resource, copy)) this.#remove(pathOf(resource, key.namespace, key.name));
    else if (!isDeepStrictEqual(copy, old)) this.#put(resource, copy);
  }

  #put(resource: GroupVersionResource, object: KubernetesObject): KubernetesObject {
    const path = pathOf(resource, object.metadata?.namespace, object.metadata!.name!);
    object.metadata!.resourceVersion = String(++this.#revision);
    deepFreeze(object);
    this.#changes.push({ revision: this.#revision, path, before: this.#objects.get(path), after: object });
    this.#objects.set(path, object);
    this.#notify();
    return object;
  }

  #remove(path: string): void {
    const before = this.#objects.get(path);
    if (!before) return;
    this.#objects.delete(path);
    this.#changes.push({ revision: ++this.#revision, path, before });
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #nextChange(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
