/**
 * The API for callers in this process: no sockets, no serialization on the way out, the same path as everybody else's otherwise.
 * Objects that come out of `get`, `list` and `watch` are shared: copy before changing.
 */
import { ApiError } from '../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../api/types.ts';
import type {
  ApiClient,
  DeleteOptions,
  ListOptions,
  ObjectKey,
  PatchOptions,
  PatchType,
  WatchEvent,
} from '../client/types.ts';
import { Slices } from '../lib/slices.ts';
import type { WriteRequestOptions } from './body.ts';
import { decodeShared, type ObjectRecord } from './object-record.ts';
import type { ResourceApi } from './resource-api.ts';
import type { NamedTarget } from './target.ts';
import { identities, type RequestContext, type UserInfo } from './types.ts';
import type { WatchRecord } from './verbs/watch.ts';

export interface LocalCaller {
  readonly user: UserInfo;
  /** Of a leader loop: its writes are refused under any other Raft term. */
  readonly fenceTerm?: number | undefined;
  /** Whose the written fields are; absent: as the user's name says. */
  readonly fieldManager?: string | undefined;
}

export function createLocalClient(api: ResourceApi, caller: LocalCaller): ApiClient {
  return new LocalClient(api, caller);
}

class LocalClient implements ApiClient {
  readonly #api: ResourceApi;
  readonly #context: RequestContext;
  readonly #write: WriteRequestOptions;

  constructor(api: ResourceApi, caller: LocalCaller) {
    this.#api = api;
    this.#context = { user: caller.user, fenceTerm: caller.fenceTerm };
    this.#write = caller.fieldManager ? { fieldManager: caller.fieldManager } : { userAgent: programOf(caller.user) };
  }

  async get<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    options: { resourceVersion?: string } = {},
  ): Promise<T> {
    return decoded(await this.#api.get(this.#context, targetOf(resource, key), options));
  }

  async list<T extends TypedObject>(resource: GroupVersionResource, options: ListOptions = {}) {
    const { namespace, signal, ...request } = options;
    const listed = await this.#api.list({ ...this.#context, signal }, { resource, namespace }, request);
    const items: T[] = [];
    const slices = new Slices();
    for (const record of listed.items) {
      if (slices.due) await slices.next();
      if (signal?.aborted) throw new ApiError('Timeout', 'the caller gave up');
      items.push(decoded<T>(record));
    }
    return {
      items,
      resourceVersion: String(listed.revision),
      continue: listed.continue,
    };
  }

  async *watch<T extends TypedObject>(
    resource: GroupVersionResource,
    options: ListOptions,
  ): AsyncIterable<WatchEvent<T>> {
    const { namespace, signal, labelSelector, fieldSelector, resourceVersion } = options;
    const request = { labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks: true };
    const stream = await this.#api.watch({ ...this.#context, signal }, { resource, namespace }, request);
    const { definition } = stream;
    const slices = new Slices();
    for await (const batch of stream)
      for (const record of batch) {
        if (slices.due) await slices.next();
        yield eventOf<T>(record, definition);
      }
  }

  async create<T extends TypedObject>(resource: GroupVersionResource, object: T): Promise<T> {
    const namespace = object.metadata?.namespace;
    return decoded(await this.#api.create(this.#context, { resource, namespace }, { object }, this.#write));
  }

  async update<T extends TypedObject>(resource: GroupVersionResource, object: T, subresource?: string): Promise<T> {
    const { name, namespace } = object.metadata ?? {};
    if (!name) throw new ApiError('BadRequest', `an update of ${resource.resource} needs metadata.name`);
    const target = { resource, subresource, namespace, name };
    if (subresource === 'scale') {
      return (await this.#api.updateScale(this.#context, target, { object }, this.#write)) as TypedObject as T;
    }
    return decoded(await this.#api.update(this.#context, target, { object }, this.#write));
  }

  async patch<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    subresource?: string,
    options: PatchOptions = {},
  ): Promise<T> {
    const target = { ...targetOf(resource, key), subresource };
    const write = { ...this.#write, ...options };
    if (subresource === 'scale') {
      return (await this.#api.patchScale(this.#context, target, { type, patch }, write)) as TypedObject as T;
    }
    return decoded(await this.#api.patch(this.#context, target, { type, patch }, write));
  }

  async delete(resource: GroupVersionResource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    await this.#api.delete(this.#context, targetOf(resource, key), options);
  }

  async deleteCollection(resource: GroupVersionResource, options: ListOptions & DeleteOptions): Promise<void> {
    const { namespace, signal, gracePeriodSeconds, propagationPolicy, preconditions, ...list } = options;
    const context = { ...this.#context, signal };
    const deletion = { gracePeriodSeconds, propagationPolicy, preconditions };
    await this.#api.deleteCollection(context, { resource, namespace }, list, deletion);
  }

  async bind(pod: ObjectKey & { readonly uid?: string | undefined }, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod;
    const object = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    await this.#api.bind(
      this.#context,
      { resource: resources.pods, subresource: 'binding', namespace, name },
      { object },
    );
  }
}

/** `system:kube-scheduler` is the program kube-scheduler, `system:node:n1` its agent. */
function programOf(user: UserInfo): string {
  if (user.name.startsWith(identities.nodeUserPrefix)) return 'trimast-agent';
  return user.name.replace(/^system:/, '');
}

function targetOf(resource: GroupVersionResource, key: ObjectKey): NamedTarget {
  return { resource, namespace: key.namespace, name: key.name };
}

function decoded<T extends TypedObject>(record: ObjectRecord): T {
  return decodeShared(record) as TypedObject as T;
}

function eventOf<T extends TypedObject>(
  record: WatchRecord,
  kind: { readonly kind: string; readonly group: string; readonly version: string },
): WatchEvent<T> {
  switch (record.type) {
    case 'BOOKMARK': {
      const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
      const metadata = { resourceVersion: String(record.revision) };
      return { type: 'BOOKMARK', object: { apiVersion, kind: kind.kind, metadata } };
    }
    case 'ERROR':
      return { type: 'ERROR', object: record.error.toStatus() };
    default:
      return { type: record.type, object: decoded<T>(record.record) };
  }
}
