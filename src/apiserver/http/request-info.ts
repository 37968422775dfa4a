/**
 * What an HTTP request is about, from method, path and query alone.
 *
 *   /api/v1/namespaces/NS/pods/NAME/log        /apis/GROUP/VERSION/RESOURCE/NAME
 *
 * A namespace itself (`/api/v1/namespaces/NS`) is parsed with its name as namespace, too, as upstream does. The deprecated form
 * `/api/v1/watch/…` is understood.
 */
import { ApiError } from '../../api/status.ts';
import type { GroupVersionResource } from '../../api/types.ts';

export interface ResourceRequestInfo {
  readonly kind: 'resource';
  /** get, list, watch, create, update, patch, delete, deletecollection; or the method in lower case. */
  readonly verb: string;
  readonly resource: GroupVersionResource;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** What follows the subresource (`proxy/a/b`), without a leading slash. */
  readonly rest: string;
  readonly path: string;
}

export interface OtherRequestInfo {
  readonly kind: 'other';
  /** The method in lower case. */
  readonly verb: string;
  readonly path: string;
}

export type RequestInfo = ResourceRequestInfo | OtherRequestInfo;

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of a namespace; anything else after its name is a resource inside it. */
const namespaceSubresources = new Set(['status', 'finalize']);

/** @throws ApiError BadRequest for a path that is not properly encoded */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const verb = verbs[method] ?? method.toLowerCase();
  const parts = path.split('/').filter((part) => part !== '');
  const isCore = parts[0] === 'api' && parts.length >= 3;
  const isGroup = parts[0] === 'apis' && parts.length >= 4;
  if (!isCore && !isGroup) return { kind: 'other', verb: verb === 'get' ? 'get' : method.toLowerCase(), path };
  const decoded = parts.map(decodeSegment);
  const group = isCore ? '' : decoded[1]!;
  const version = isCore ? decoded[1]! : decoded[2]!;
  const rest = decoded.slice(isCore ? 2 : 3);
  const watchPrefix = rest[0] === 'watch' && rest.length > 1;
  if (watchPrefix) rest.shift();
  const place = locate(rest);
  const watching = watchPrefix || (isTrue(query.get('watch')) && place.name === undefined);
  return {
    kind: 'resource',
    verb: effectiveVerb(verb, place.name !== undefined, watching),
    resource: { group, version, resource: place.resource },
    subresource: place.subresource,
    namespace: place.namespace,
    name: place.name,
    rest: place.rest,
    path,
  };
}

function locate(parts: readonly string[]) {
  const [first = '', second, third] = parts;
  const inNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && !namespaceSubresources.has(third);
  const [resource = '', name, subresource, ...rest] = inNamespace ? parts.slice(2) : parts;
  const namespace = first === 'namespaces' ? second : undefined;
  return { resource, name, subresource, namespace, rest: rest.join('/') };
}

function effectiveVerb(verb: string, named: boolean, watching: boolean): string {
  if (verb === 'get' && watching) return 'watch';
  if (named) return verb;
  if (verb === 'get') return 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

export function isTrue(value: string | null): boolean {
  return value === '1' || value === 'true' || value === 'True' || value === 'TRUE' || value === 't' || value === 'T';
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new ApiError('BadRequest', `the path has a segment that is not properly encoded: ${part}`, undefined, {
      cause: error,
    });
  }
}
