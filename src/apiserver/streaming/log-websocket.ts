/**
 * `GET …/pods/NAME/log` over a WebSocket: the log's bytes as messages, whose borders mean nothing. The subprotocols are
 * `binary.k8s.io` (as is when none is offered) and `base64.binary.k8s.io`, whose messages are text. Nothing is taken from the client.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ApiError } from '../../api/status.ts';

const binaryProtocol = 'binary.k8s.io';
const base64Protocol = 'base64.binary.k8s.io';

/** What a client may send: it has nothing to say. */
const maxMessageBytes = 64 * 1024;

/** @throws ApiError BadRequest when the request is no WebSocket handshake that we understand; nothing was written then. */
export function chooseLogProtocol(request: IncomingMessage): string {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new ApiError('BadRequest', `cannot upgrade to "${request.headers.upgrade ?? ''}": logs need websocket`);
  }
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const chosen = ['', binaryProtocol, base64Protocol].find((one) => offered.includes(one));
  if (chosen !== undefined) return chosen;
  throw new ApiError(
    'BadRequest',
    `no common WebSocket subprotocol: offered "${offered.join(', ')}", spoken here ${binaryProtocol}, ${base64Protocol}`,
  );
}

/** Accepts the connection. `protocol` as chosen by {@link chooseLogProtocol}. @throws ApiError for a broken handshake */
export function acceptLogSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: () => protocol || false,
  });
  return new Promise((resolve, reject) => {
    server.on('wsClientError', (error) => reject(new ApiError('BadRequest', error.message)));
    server.handleUpgrade(request, socket, head, resolve);
  });
}

/** Sends `chunks` at the pace of the client, then closes. Resolves early when the client goes. */
export async function sendLog(socket: WebSocket, protocol: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  // Clients wait for a first, empty message to know that they are being served.
  await send(socket, protocol, Buffer.alloc(0));
  for await (const chunk of chunks) {
    if (socket.readyState !== socket.OPEN) return;
    await send(socket, protocol, chunk);
  }
  socket.close(1000);
}

/** Resolves when the bytes were handed to the operating system, or the connection is gone. */
function send(socket: WebSocket, protocol: string, chunk: Buffer): Promise<void> {
  const isText = protocol === base64Protocol;
  return new Promise((resolve) => {
    socket.send(isText ? chunk.toString('base64') : chunk, { binary: !isText }, () => resolve());
  });
}
