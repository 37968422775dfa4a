/**
 * The API server's side of pod streams: finds the agent of the pod's node, and moves bytes. Protocols are not looked into: the agent
 * terminates them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { joinDuplexes } from '../../lib/join-duplexes.ts';
import type { HttpRequest, StreamingProxy, UpgradeSubresource } from '../streaming-types.ts';
import type { RequestContext } from '../types.ts';
import type { AgentClient } from './agent-client.ts';
import { agentEndpoint, type FindNode } from './agent-endpoint.ts';
import { chooseContainer } from './default-container.ts';
import { acceptLogSocket, chooseLogProtocol, sendLog } from './log-websocket.ts';

/** Streams through this replica at one time. */
const maxStreams = 2_000;

/** What the agent must see of the client's request; its credentials stay here. */
const forwardedHeaders = [
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'x-stream-protocol-version',
] as const;

/** What the client must see of the agent's 101. */
const returnedHeaders: readonly [lower: string, name: string][] = [
  ['upgrade', 'Upgrade'],
  ['sec-websocket-accept', 'Sec-WebSocket-Accept'],
  ['sec-websocket-protocol', 'Sec-WebSocket-Protocol'],
  ['sec-websocket-extensions', 'Sec-WebSocket-Extensions'],
  ['x-stream-protocol-version', 'X-Stream-Protocol-Version'],
];

export interface StreamingProxyOptions {
  readonly findNode: FindNode;
  readonly agents: AgentClient;
}

export function createStreamingProxy(options: StreamingProxyOptions): StreamingProxy {
  const client = options.agents;
  let streams = 0;
  const limited = async (run: () => Promise<void>): Promise<void> => {
    if (streams >= maxStreams) {
      throw new ApiError('TooManyRequests', `this master carries ${maxStreams} pod streams already`, {
        retryAfterSeconds: 1,
      });
    }
    streams++;
    try {
      await run();
    } finally {
      streams--;
    }
  };
  return {
    handleLog: (context, pod, request, response) =>
      // What is used of it is the same in HTTP/2's compatibility API, but the two have no common type.
      limited(() => proxyLog(client, options, context, pod, request, response as ServerResponse)),
    handleLogUpgrade: (context, pod, request, socket, head) =>
      limited(() => proxyLogSocket(client, options, context, pod, request, socket, head)),
    handleUpgrade: (_context, pod, subresource, request, socket, head) =>
      limited(() => proxyUpgrade(client, options, pod, subresource, request, socket, head)),
  };
}

async function proxyLog(
  client: AgentClient,
  { findNode }: StreamingProxyOptions,
  context: RequestContext,
  pod: Pod,
  request: HttpRequest,
  response: ServerResponse,
): Promise<void> {
  const query = queryOf(request);
  const path = agentPath('containerLogs', pod, chooseContainer(pod, query.get('container') ?? undefined));
  // A pod without a node has no logs, and no reason to be an error.
  if (!pod.spec?.nodeName) {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end();
    return;
  }
  const endpoint = await agentEndpoint(pod, findNode);
  const gone = new AbortController();
  const abort = () => gone.abort();
  response.once('close', abort);
  context.signal?.addEventListener('abort', abort, { once: true });
  try {
    const answer = await client.get(endpoint, {
      method: 'GET',
      path: `${path}?${query}`,
      headers: {},
      signal: gone.signal,
    });
    response.writeHead(200, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
    // The client of `logs -f` must not wait for the first line to know that it is being served.
    response.flushHeaders();
    await pipeline(answer, response);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    context.signal?.removeEventListener('abort', abort);
  }
}

/** `context.signal` aborts when the connection is gone. */
async function proxyLogSocket(
  client: AgentClient,
  { findNode }: StreamingProxyOptions,
  context: RequestContext,
  pod: Pod,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const protocol = chooseLogProtocol(request);
  const query = queryOf(request);
  const path = agentPath('containerLogs', pod, chooseContainer(pod, query.get('container') ?? undefined));
  const gone = new AbortController();
  const abort = () => gone.abort();
  socket.once('close', abort);
  context.signal?.addEventListener('abort', abort, { once: true });
  try {
    const call = { method: 'GET', path: `${path}?${query}`, headers: {}, signal: gone.signal };
    const answer = pod.spec?.nodeName ? await client.get(await agentEndpoint(pod, findNode), call) : Readable.from([]);
    const webSocket = await acceptLogSocket(request, socket, head, protocol);
    webSocket.on('error', () => webSocket.terminate());
    try {
      await sendLog(webSocket, protocol, answer);
    } catch {
      // The agent broke off in the middle: an orderly close would tell the client that this was the end of the log.
      webSocket.terminate();
    }
  } finally {
    context.signal?.removeEventListener('abort', abort);
  }
}

async function proxyUpgrade(
  client: AgentClient,
  { findNode }: StreamingProxyOptions,
  pod: Pod,
  subresource: UpgradeSubresource,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const query = queryOf(request);
  const path =
    subresource === 'portforward'
      ? agentPath('portForward', pod)
      : agentPath(subresource, pod, chooseContainer(pod, query.get('container') ?? undefined));
  const endpoint = await agentEndpoint(pod, findNode);
  const agent = await client.upgrade(endpoint, {
    method: request.method ?? 'GET',
    path: `${path}?${query}`,
    headers: { connection: 'Upgrade', ...pickHeaders(request.headers) },
  });
  const lines = returnedHeaders.flatMap(([lower, name]) =>
    [agent.headers[lower] ?? []].flat().map((value) => `${name}: ${value}`),
  );
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${lines.join('\r\n')}\r\n\r\n`);
  if (agent.head.length > 0) agent.socket.unshift(agent.head);
  if (head.length > 0) socket.unshift(head);
  await joinDuplexes(socket, agent.socket);
}

function agentPath(kind: string, pod: Pod, container?: string): string {
  const segments = [
    kind,
    pod.metadata?.namespace ?? '',
    pod.metadata?.name ?? '',
    ...(container === undefined ? [] : [container]),
  ];
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}

/** `container` has become part of the path. */
function queryOf(request: HttpRequest): URLSearchParams {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
}

function pickHeaders(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const picked: Record<string, string | string[]> = {};
  for (const name of forwardedHeaders) {
    const value = headers[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
