/** The HTTP/1.1 side of upgraded connections: which protocol the client asks for, the 101, and refusals. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { ApiError } from '../../api/status.ts';
import { type ProcessStreams, type StreamSelection, streamBufferBytes } from './process-streams.ts';
import { remoteCommandProtocol, spdyStreams } from './spdy-streams.ts';
import { maxMessageBytes, webSocketProtocols, webSocketStreams } from './websocket-streams.ts';

/** The subprotocol under which SPDY travels in WebSocket messages. */
export const spdyTunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const portForwardProtocol = 'portforward.k8s.io';

export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came after the request's head. */
  readonly head: Buffer;
}

/** Accepts exec or attach in whichever protocol the client speaks. @throws ApiError before the 101 when it speaks none of ours. */
export async function acceptProcessStreams(
  upgrade: UpgradeRequest,
  selection: StreamSelection,
): Promise<ProcessStreams> {
  switch (requestedProtocol(upgrade.request)) {
    case 'websocket': {
      const offered = offeredSubprotocols(upgrade.request);
      const chosen = webSocketProtocols.find((protocol) =>
        protocol === '' ? offered.length === 0 : offered.includes(protocol),
      );
      if (chosen === undefined) {
        throw new ApiError(
          'BadRequest',
          `no common WebSocket subprotocol: offered "${offered.join(', ')}", spoken here ${webSocketProtocols.filter(Boolean).join(', ')}`,
        );
      }
      return webSocketStreams(await acceptWebSocket(upgrade, chosen), chosen, selection);
    }
    case 'spdy':
      acceptSpdy(upgrade, remoteCommandProtocol);
      return spdyStreams(upgrade.socket, selection);
  }
}

/** Accepts a port-forward; the result carries plain SPDY/3.1. @throws ApiError before the 101 when the client speaks something else. */
export async function acceptPortForward(upgrade: UpgradeRequest): Promise<Duplex> {
  if (requestedProtocol(upgrade.request) === 'spdy') {
    acceptSpdy(upgrade, portForwardProtocol);
    return upgrade.socket;
  }
  if (!offeredSubprotocols(upgrade.request).includes(spdyTunnelProtocol)) {
    throw new ApiError('BadRequest', `port-forward over WebSocket needs the subprotocol ${spdyTunnelProtocol}`);
  }
  const webSocket = await acceptWebSocket(upgrade, spdyTunnelProtocol);
  return createWebSocketStream(webSocket, {
    readableHighWaterMark: streamBufferBytes,
    writableHighWaterMark: streamBufferBytes,
  });
}

/** Passes the container runtime's 101 to a WebSocket whose protocol is between the client and the runtime. */
export function acceptRelayed(
  { socket, head }: UpgradeRequest,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  const names = ['Sec-WebSocket-Accept', 'Sec-WebSocket-Protocol'];
  const lines = names.flatMap((name) =>
    [headers[name.toLowerCase()] ?? []].flat().map((value) => `${name}: ${value}\r\n`),
  );
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join('')}\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
}

/** Answers an upgrade request with an error and closes. */
export function refuseUpgrade(socket: Duplex, error: ApiError): void {
  if (socket.destroyed || !socket.writable) return;
  const body = JSON.stringify(error.toStatus());
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${error.code} ${error.reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function requestedProtocol(request: IncomingMessage): 'websocket' | 'spdy' {
  const upgrade = request.headers.upgrade?.toLowerCase();
  if (upgrade === 'websocket') return 'websocket';
  if (upgrade === 'spdy/3.1') return 'spdy';
  throw new ApiError('BadRequest', `cannot upgrade to "${request.headers.upgrade ?? ''}": use websocket or SPDY/3.1`);
}

export function offeredSubprotocols(request: IncomingMessage): string[] {
  return listOf(request.headers['sec-websocket-protocol']);
}

function listOf(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

function acceptSpdy({ request, socket, head }: UpgradeRequest, protocol: string): void {
  const offered = listOf(request.headers['x-stream-protocol-version']);
  if (!offered.includes(protocol)) {
    throw new ApiError(
      'Forbidden',
      `no common stream protocol: offered "${offered.join(', ')}", spoken here ${protocol}`,
    );
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
}

/**
 * `ws` refuses a request whose subprotocol is no RFC 7230 token, which `SPDY/3.1+portforward.k8s.io` is not. So it never sees the request's
 * subprotocols: we have chosen one and add it to the response.
 */
function acceptWebSocket({ request, socket, head }: UpgradeRequest, subprotocol: string): Promise<WebSocket> {
  delete request.headers['sec-websocket-protocol'];
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
  });
  if (subprotocol !== '') server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`));
  return new Promise((resolve, reject) => {
    server.on('wsClientError', (error) => reject(new ApiError('BadRequest', error.message)));
    server.handleUpgrade(request, socket, head, resolve);
  });
}
