/**
 * Carries one HTTP exchange, or an upgraded connection, to another HTTP/1.1 server over a connection that somebody else has made. Credentials of
 * the caller stay here; hop-by-hop headers are the hop's own (RFC 9110, 7.6.1).
 */
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { joinDuplexes } from '../../lib/join-duplexes.ts';
import type { HttpRequest, HttpResponse } from '../streaming-types.ts';
import { unreachable } from './pod-dialer.ts';

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** Who the caller is has been settled here. */
const credentials = /^(authorization|impersonate-.*|x-remote-.*)$/;

export interface Upstream {
  /** An established connection that speaks HTTP/1.1. */
  readonly socket: Duplex;
  /** Of the `Host` header. */
  readonly host: string;
  /** With the query. */
  readonly path: string;
  /** Added to, or instead of, the client's. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
}

/** What may be done with an answer on its way to the client. */
export type AdaptAnswer = (answer: IncomingMessage) => {
  readonly headers: IncomingHttpHeaders;
  /** Absent: as it comes. */
  readonly body?: NodeJS.ReadableStream | undefined;
};

/** Resolves when the exchange is over. @throws ApiError ServiceUnavailable before anything was written */
export async function forwardRequest(
  request: HttpRequest,
  response: HttpResponse,
  upstream: Upstream,
  signal: AbortSignal,
  adapt?: AdaptAnswer,
): Promise<void> {
  const out = response as ServerResponse;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest({ ...optionsOf(request, upstream), signal });
    outgoing.on('error', (error) => reject(unreachable(error.message, error)));
    outgoing.on('response', resolve);
    if (hasBody(request)) (request as IncomingMessage).pipe(outgoing);
    else outgoing.end();
  });
  const { headers, body } = adapt?.(answer) ?? { headers: answer.headers };
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name)) out.setHeader(name, value);
  }
  out.writeHead(answer.statusCode ?? 502);
  out.flushHeaders?.();
  try {
    await pipeline(body ?? answer, out, { signal });
  } catch {
    // Either side went in the middle: the other learns it by the cut.
    out.destroy();
  } finally {
    upstream.socket.destroy();
  }
}

/** The same for a request with `Upgrade:`. What the other answers instead of 101 is passed on as it is. */
export async function forwardUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  upstream: Upstream,
): Promise<void> {
  const options = optionsOf(request, upstream);
  const outgoing = httpRequest({
    ...options,
    headers: { ...options.headers, connection: 'Upgrade', upgrade: request.headers.upgrade ?? '' },
  });
  const reached = await new Promise<{ answer: IncomingMessage; upgraded?: Duplex; rest?: Buffer }>(
    (resolve, reject) => {
      outgoing.on('error', (error) => reject(unreachable(error.message, error)));
      outgoing.on('upgrade', (answer, upgraded, rest) => resolve({ answer, upgraded, rest }));
      outgoing.on('response', (answer) => resolve({ answer }));
      socket.once('close', () => outgoing.destroy());
      outgoing.end();
    },
  );
  const { answer, upgraded, rest } = reached;
  if (!upgraded) {
    socket.write(headOf(answer, 'close'));
    await pipeline(answer, socket).catch(() => socket.destroy());
    return;
  }
  socket.write(headOf(answer, 'Upgrade'));
  if (rest && rest.length > 0) upgraded.unshift(rest);
  if (head.length > 0) socket.unshift(head);
  await joinDuplexes(socket, upgraded);
}

function optionsOf(request: HttpRequest, { socket, host, path, headers }: Upstream): RequestOptions {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(':') || hopByHop.has(name) || credentials.test(name)) continue;
    kept[name] = value;
  }
  return {
    method: request.method ?? 'GET',
    path,
    headers: { ...kept, ...headers, host },
    setHost: false,
    createConnection: () => socket as never,
  };
}

function hasBody(request: HttpRequest): boolean {
  const { headers, method } = request;
  if (headers['transfer-encoding'] !== undefined) return true;
  if (headers['content-length'] !== undefined) return headers['content-length'] !== '0';
  // HTTP/2 needs neither.
  return request.httpVersionMajor === 2 && method !== 'GET' && method !== 'HEAD';
}

function headOf(answer: IncomingMessage, connection: string): string {
  const lines = Object.entries(answer.headers)
    .filter(([name]) => !hopByHop.has(name) || name === 'upgrade')
    .flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`));
  const code = answer.statusCode ?? 502;
  return `HTTP/1.1 ${code} ${answer.statusMessage || STATUS_CODES[code] || ''}\r\nConnection: ${connection}\r\n${lines.join('')}\r\n`;
}
