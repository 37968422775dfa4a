/** HTTP/1.1 requests that ask for another protocol: exec, attach, port-forward, log, proxy and watch. All others are refused. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../api/status.ts';
import { resourceNotServed } from '../errors.ts';
import type { UpgradeSubresource } from '../streaming-types.ts';
import type { RequestContext } from '../types.ts';
import { podForStream, proxyFor, type ResourceHandlerOptions } from './handle-resource.ts';
import { parseRequestInfo } from './request-info.ts';
import { watchOverWebSocket } from './watch-websocket.ts';

const upgradable = new Set<string | undefined>(['exec', 'attach', 'portforward', 'log'] satisfies (
  | UpgradeSubresource
  | 'log'
)[]);

/** Resolves when the exchange is over. @throws ApiError before anything was written */
export async function handleUpgrade(
  options: ResourceHandlerOptions,
  context: RequestContext,
  url: URL,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const info = parseRequestInfo(request.method ?? 'GET', url.pathname, url.searchParams);
  if (info.kind === 'resource' && info.subresource === 'proxy' && info.name !== undefined) {
    const target = { resource: info.resource, subresource: 'proxy', namespace: info.namespace, name: info.name };
    const proxy = await proxyFor(options, context, target, info.verb, info.rest);
    return proxy.handleUpgrade(target, request.url ?? '/', request, socket, head);
  }
  if (info.kind === 'resource' && info.verb === 'watch' && info.subresource === undefined) {
    const { resource, namespace, name } = info;
    const target = { resource, namespace, name };
    return watchOverWebSocket(options, context, target, url.searchParams, { request, socket, head });
  }
  if (info.kind !== 'resource' || info.name === undefined || !upgradable.has(info.subresource)) {
    if (info.kind !== 'resource') throw resourceNotServed();
    throw new ApiError('BadRequest', `${url.pathname} does not take upgraded connections`);
  }
  const { resource, subresource, namespace, name } = info;
  // Upstream authorizes WebSocket GETs as create, too, since 1.35: reading must not be enough to run commands.
  const verb = subresource === 'log' ? 'get' : 'create';
  const target = { resource, subresource, namespace, name };
  const { pod } = await podForStream(options, { context }, target, verb, url.searchParams);
  if (!options.streaming) throw new ApiError('ServiceUnavailable', 'pod streams are not available on this server');
  if (subresource === 'log') return options.streaming.handleLogUpgrade(context, pod, request, socket, head);
  await options.streaming.handleUpgrade(context, pod, subresource as UpgradeSubresource, request, socket, head);
}

/** A client gets this long to read a refusal. */
const refusalLingerMs = 1_000;

/** Answers on the bare socket, and ends it. */
export function refuseUpgrade(socket: Duplex, error: ApiError): void {
  const body = JSON.stringify(error.toStatus());
  socket.end(
    `HTTP/1.1 ${error.code} ${STATUS_CODES[error.code] ?? error.reason}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // What still comes in is dropped: closing with unread bytes would take the answer back.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), refusalLingerMs);
  socket.once('close', () => clearTimeout(timer));
}
