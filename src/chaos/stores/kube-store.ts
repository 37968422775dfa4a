/** Registers as ConfigMaps, over the Kubernetes REST API: a value is the object's only datum, its revision is `metadata.resourceVersion`. */
import { ApiError } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { HttpsTransport } from '../../client/https-transport.ts';
import type { ClusterAccess } from '../../client/kubeconfig.ts';
import { resourcePath } from '../../client/paths.ts';
import {
  type Held,
  type Listing,
  OutcomeError,
  type RegisterStore,
  type Reply,
  type Request,
  type WatchedEvent,
} from '../types.ts';

/** Longer than the server waits for consensus would hide its own answer; shorter makes more outcomes unknown. */
const callTimeoutMs = 3_000;
const mergePatch = 'application/merge-patch+json';

interface ConfigMapObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}

interface WatchLine {
  readonly type: string;
  readonly object: ConfigMapObject & { readonly message?: string };
}

export class KubeStore implements RegisterStore {
  readonly via: string;
  readonly #transport: HttpsTransport;
  readonly #namespace: string;

  constructor(via: string, access: ClusterAccess, namespace: string) {
    this.via = via;
    this.#transport = new HttpsTransport(access);
    this.#namespace = namespace;
  }

  async perform(key: string, request: Request): Promise<Reply> {
    try {
      return { succeeded: true, held: await this.#send(key, request) };
    } catch (error) {
      if (conditionFailed(request, error)) return { succeeded: false };
      throw outcomeOf(error);
    }
  }

  async list(): Promise<Listing> {
    try {
      const body = await this.#json<{ metadata: { resourceVersion: string }; items?: ConfigMapObject[] }>('GET', '');
      const items = (body.items ?? []).filter(isRegister).map((item) => [item.metadata.name, heldOf(item)!] as const);
      return { revision: Number(body.metadata.resourceVersion), items: new Map(items) };
    } catch (error) {
      throw outcomeOf(error);
    }
  }

  async *watch(revision: number, signal: AbortSignal): AsyncIterable<WatchedEvent> {
    const path = `${this.#path('')}?watch=true&resourceVersion=${revision}&allowWatchBookmarks=true`;
    const response = await this.#transport.stream({ method: 'GET', path, signal });
    try {
      for await (const { type, object } of parseLines(response)) {
        if (type === 'ERROR') throw new Error(`watch from ${revision}: ${object.message ?? 'ended with an error'}`);
        if (type === 'BOOKMARK' || !isRegister(object)) continue;
        const { name: key, resourceVersion } = object.metadata;
        yield { key, revision: Number(resourceVersion), value: type === 'DELETED' ? undefined : object.data?.value };
      }
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #send(name: string, request: Request): Promise<Held | undefined> {
    const metadata = { name, namespace: this.#namespace };
    switch (request.type) {
      case 'read':
        return heldOf(await this.#json('GET', name));
      case 'create':
        return heldOf(await this.#json('POST', '', { metadata, data: { value: request.value } }));
      case 'update':
        return heldOf(await this.#json('PATCH', name, { data: { value: request.value } }, mergePatch));
      case 'compare-and-set': {
        const resourceVersion = String(request.expected.revision);
        const body = { metadata: { ...metadata, resourceVersion }, data: { value: request.value } };
        return heldOf(await this.#json('PUT', name, body));
      }
      case 'delete':
        await this.#json('DELETE', name);
        return undefined;
    }
  }

  #path(name: string): string {
    return resourcePath(resources.configMaps, this.#namespace, name);
  }

  async #json<T = ConfigMapObject>(method: string, name: string, body?: object, contentType?: string): Promise<T> {
    const text = body && JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', ...body });
    const request = { method, path: this.#path(name), body: text, contentType, timeoutMs: callTimeoutMs };
    return JSON.parse((await this.#transport.send(request)).toString('utf8')) as T;
  }
}

/** The namespace has ConfigMaps that are not ours. */
function isRegister(object: ConfigMapObject): boolean {
  return object.data?.value !== undefined;
}

function heldOf({ metadata, data }: ConfigMapObject): Held | undefined {
  const value = data?.value;
  return value === undefined ? undefined : { value, revision: Number(metadata.resourceVersion) };
}

function conditionFailed(request: Request, error: unknown): boolean {
  if (!(error instanceof ApiError) || isTransport(error)) return false;
  if (error.reason === 'NotFound') return request.type !== 'create';
  if (error.reason === 'AlreadyExists') return request.type === 'create';
  return error.reason === 'Conflict' && request.type === 'compare-and-set';
}

/** What the transport made of a failure to get an answer, as opposed to the server's own word. */
function isTransport(error: ApiError): boolean {
  return error.cause !== undefined;
}

export function outcomeOf(error: unknown): OutcomeError {
  const message = error instanceof Error ? error.message : String(error);
  const outcome = isDefinite(error) ? 'refused' : 'unknown';
  return new OutcomeError(outcome, message, { cause: error });
}

function isDefinite(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (isTransport(error)) return (error.cause as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  return error.code < 500 || error.reason === 'ServiceUnavailable';
}

async function* parseLines(stream: AsyncIterable<Buffer>): AsyncIterable<WatchLine> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchLine;
  }
}
