/**
 * How everything but the API server itself sees the API: leader loops through an in-process side (`src/apiserver/local-client.ts`),
 * the CLI and others over HTTP (`src/client/http-client.ts`). Every failure is an `ApiError`.
 */
import type { Status } from '../api/status.ts';
import type { GroupVersionResource, TypedObject } from '../api/types.ts';

export interface ObjectKey {
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Absent: linearizable. `0`: from memory at once. */
  readonly resourceVersion?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListResult<T> {
  readonly items: T[];
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: TypedObject }
  | { readonly type: 'ERROR'; readonly object: Status };

/** `apply`: server-side apply of a configuration; needs a `fieldManager`, and creates what is not there. */
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface PatchOptions {
  /** Who owns the fields from now on; absent: the client's own name. */
  readonly fieldManager?: string | undefined;
  /** Of an apply: takes over what others own, instead of failing with `Conflict`. */
  readonly force?: boolean | undefined;
}

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly preconditions?: Preconditions | undefined;
}

/**
 * Writes of one turn of the event loop share one round of consensus: issue them together (`Promise.all`) and never one by one in a loop.
 * Objects returned by `list` and `watch` may be shared with other readers: copy before changing.
 */
export interface ApiClient {
  get<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    options?: { resourceVersion?: string },
  ): Promise<T>;
  list<T extends TypedObject>(resource: GroupVersionResource, options?: ListOptions): Promise<ListResult<T>>;
  /** Ends when `signal` aborts, or with a last ERROR event. `resourceVersion` is where the list ended. */
  watch<T extends TypedObject>(resource: GroupVersionResource, options: ListOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends TypedObject>(resource: GroupVersionResource, object: T): Promise<T>;
  /** Replaces; conflicts (reason `Conflict`) when `metadata.resourceVersion` is set and stale. */
  update<T extends TypedObject>(resource: GroupVersionResource, object: T, subresource?: string): Promise<T>;
  patch<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    subresource?: string,
    options?: PatchOptions,
  ): Promise<T>;
  delete(resource: GroupVersionResource, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  deleteCollection(resource: GroupVersionResource, options: ListOptions & DeleteOptions): Promise<void>;
  /** POST to `/binding`: assigns a pod to a node, once. */
  bind(pod: ObjectKey & { readonly uid?: string | undefined }, nodeName: string): Promise<void>;
}

/** What a leader loop is given when this replica begins to lead, and the signal that ends it. */
export interface LeaderContext {
  readonly client: ApiClient;
  readonly term: number;
  readonly signal: AbortSignal;
}
