/** What a request to the agent's server asks for. */
import { ApiError } from '../../api/status.ts';
import type { ContainerPath } from './handle-logs.ts';

export type Route =
  | { readonly kind: 'node'; readonly what: NodePage; readonly query: URLSearchParams }
  | { readonly kind: 'logs' | 'exec' | 'attach'; readonly path: ContainerPath; readonly query: URLSearchParams }
  | { readonly kind: 'connect'; readonly namespace: string; readonly pod: string; readonly port: number }
  | { readonly kind: 'portForward'; readonly namespace: string; readonly pod: string; readonly query: URLSearchParams };

/** What the node tells of itself. */
export type NodePage = (typeof nodePages)[number];

const nodePages = [
  'healthz',
  'healthz/ping',
  'healthz/syncloop',
  'pods',
  'runningpods',
  'configz',
  'stats/summary',
  'metrics',
  'metrics/resource',
  'metrics/cadvisor',
  'metrics/probes',
] as const;

const containerKinds = { containerLogs: 'logs', exec: 'exec', attach: 'attach' } as const;

/** @throws ApiError `NotFound` for any other path, `BadRequest` for one that cannot be decoded. */
export function parseRoute(url: string): Route {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const [first, namespace, pod, container, ...rest] = decodeSegments(path);
  const plain = path.replace(/^\/|\/$/g, '');
  const page = nodePages.find((one) => one === plain);
  if (page !== undefined) return { kind: 'node', what: page, query };
  if (rest.length === 0) {
    if (first === 'portForward' && namespace && pod && container === undefined) {
      return { kind: 'portForward', namespace, pod, query };
    }
    if (first === 'connect' && namespace && pod && container) {
      const port = Number(container);
      if (!Number.isInteger(port) || port < 1 || port > 65_535) {
        throw new ApiError('BadRequest', `"${container}" is no port: expected 1 to 65535`);
      }
      return { kind: 'connect', namespace, pod, port };
    }
    if (first !== undefined && Object.hasOwn(containerKinds, first) && namespace && pod && container) {
      const kind = containerKinds[first as keyof typeof containerKinds];
      return { kind, path: { namespace, pod, container }, query };
    }
  }
  throw new ApiError('NotFound', `the node's API has no path "${path}"`);
}

function decodeSegments(path: string): string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch (error) {
    throw new ApiError('BadRequest', `path "${path}" is not valid`, undefined, { cause: error });
  }
}
