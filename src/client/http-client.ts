/** `ApiClient` over HTTPS, as any Kubernetes client speaks it: JSON bodies, watches as lines of a stream. */
import { ApiError } from '../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../api/types.ts';
import { asApiError, HttpsTransport } from './https-transport.ts';
import type { ClusterAccess } from './kubeconfig.ts';
import { listQuery, resourcePath } from './paths.ts';
import type {
  ApiClient,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectKey,
  PatchOptions,
  PatchType,
  WatchEvent,
} from './types.ts';

const patchContentTypes: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Characters of one watch event. */
const maxLineLength = 16 * 1024 * 1024;

interface ListBody<T> {
  apiVersion?: string;
  kind?: string;
  metadata?: { resourceVersion?: string; continue?: string };
  items?: T[];
}

/** Lines that are not empty, without their end. A broken stream throws. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    if (!text.includes('\n')) {
      rest += text;
      if (rest.length > maxLineLength)
        throw new ApiError('InternalError', `a watch event is longer than ${maxLineLength}`);
      continue;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') yield line;
  }
}

export class HttpClient implements ApiClient {
  readonly transport: HttpsTransport;

  constructor(access: ClusterAccess) {
    this.transport = new HttpsTransport(access);
  }

  close(): void {
    this.transport.close();
  }

  get<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    options?: { resourceVersion?: string },
  ): Promise<T> {
    const query = options?.resourceVersion ? `?resourceVersion=${encodeURIComponent(options.resourceVersion)}` : '';
    return this.#json('GET', resourcePath(resource, key.namespace, key.name) + query);
  }

  async list<T extends TypedObject>(resource: GroupVersionResource, options: ListOptions = {}): Promise<ListResult<T>> {
    const path = `${resourcePath(resource, options.namespace)}?${listQuery(options)}`;
    const list = await this.#json<ListBody<T>>('GET', path, undefined, undefined, options.signal);
    const items = list.items ?? [];
    // Items of a list carry no type of their own on the wire of most servers.
    const kind = list.kind?.replace(/List$/, '');
    for (const item of items) {
      item.apiVersion ??= list.apiVersion;
      item.kind ??= kind;
    }
    return {
      items,
      resourceVersion: list.metadata?.resourceVersion ?? '',
      continue: list.metadata?.continue || undefined,
    };
  }

  async *watch<T extends TypedObject>(
    resource: GroupVersionResource,
    options: ListOptions,
  ): AsyncIterable<WatchEvent<T>> {
    const query = listQuery({ ...options, limit: undefined, continue: undefined });
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    const request = {
      method: 'GET',
      path: `${resourcePath(resource, options.namespace)}?${query}`,
      signal: options.signal,
    };
    let response: Awaited<ReturnType<HttpsTransport['stream']>> | undefined;
    try {
      response = await this.transport.stream(request);
      for await (const line of linesOf(response)) yield JSON.parse(line) as WatchEvent<T>;
    } catch (error) {
      if (options.signal?.aborted) return;
      throw asApiError(error, request);
    } finally {
      response?.destroy();
    }
  }

  create<T extends TypedObject>(resource: GroupVersionResource, object: T): Promise<T> {
    return this.#json('POST', resourcePath(resource, object.metadata?.namespace), object);
  }

  update<T extends TypedObject>(resource: GroupVersionResource, object: T, subresource?: string): Promise<T> {
    const { namespace, name } = object.metadata ?? {};
    if (!name) throw new ApiError('BadRequest', 'metadata.name is required for an update');
    return this.#json('PUT', resourcePath(resource, namespace, name, subresource), object);
  }

  patch<T extends TypedObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    subresource?: string,
    options: PatchOptions = {},
  ): Promise<T> {
    const query = new URLSearchParams();
    if (options.fieldManager) query.set('fieldManager', options.fieldManager);
    if (options.force) query.set('force', 'true');
    const path = resourcePath(resource, key.namespace, key.name, subresource);
    return this.#json('PATCH', query.size > 0 ? `${path}?${query}` : path, patch, patchContentTypes[type]);
  }

  async delete(resource: GroupVersionResource, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
    await this.#json('DELETE', resourcePath(resource, key.namespace, key.name), body);
  }

  async deleteCollection(resource: GroupVersionResource, options: ListOptions & DeleteOptions): Promise<void> {
    const { gracePeriodSeconds, propagationPolicy, preconditions, ...selection } = options;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, propagationPolicy, preconditions };
    const path = `${resourcePath(resource, selection.namespace)}?${listQuery(selection)}`;
    await this.#json('DELETE', path, body, undefined, selection.signal);
  }

  async bind(pod: ObjectKey & { readonly uid?: string | undefined }, nodeName: string): Promise<void> {
    const { namespace, name, uid } = pod;
    await this.#json('POST', resourcePath(resources.pods, namespace, name, 'binding'), {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    });
  }

  /** Any path of the server, such as `/version`, as text. */
  async raw(path: string, accept?: string): Promise<string> {
    return (await this.transport.send({ method: 'GET', path, accept })).toString('utf8');
  }

  async #json<T>(method: string, path: string, body?: unknown, contentType?: string, signal?: AbortSignal): Promise<T> {
    const text = await this.transport.send({
      method,
      path,
      body: body === undefined ? undefined : JSON.stringify(body),
      contentType,
      signal,
    });
    try {
      return JSON.parse(text.toString('utf8')) as T;
    } catch (error) {
      throw new ApiError('InternalError', `${method} ${path}: the answer is not JSON`, undefined, { cause: error });
    }
  }
}
