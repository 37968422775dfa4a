/**
 * The border between the API server and whoever carries pod streams to the node (`src/apiserver/streaming`).
 *
 * The API server has authenticated the caller, authorized the subresource, and read the pod; what is left is to find the node's agent and
 * to move bytes. Both methods own the exchange from the call on: they answer, also with an error `Status`, and they end it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Pod } from '../api/generated/types/core-v1.ts';
import type { RequestContext } from './types.ts';

/** HTTP/2 or HTTP/1.1, as the client chose; what both have in common is enough. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Subresources of a pod that need an upgraded connection (WebSocket, SPDY/3.1). */
export type UpgradeSubresource = 'exec' | 'attach' | 'portforward';

export interface StreamingProxy {
  /**
   * `GET …/pods/NAME/log?container&follow&…`. Resolves when the exchange is over. A rejection with an `ApiError` before the
   * first byte was written is answered with its Status by the caller; after that it only ends the response.
   */
  handleLog(context: RequestContext, pod: Pod, request: HttpRequest, response: HttpResponse): Promise<void>;
  /** The same over a WebSocket. Rejects as `handleUpgrade` does. */
  handleLogUpgrade(
    context: RequestContext,
    pod: Pod,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void>;
  /**
   * An HTTP/1.1 request with `Upgrade:`. `head` are bytes of the upgraded protocol that came with the request.
   * A rejection with an `ApiError` before anything was written is answered by the caller as an HTTP/1.1 response with the Status.
   */
  handleUpgrade(
    context: RequestContext,
    pod: Pod,
    subresource: UpgradeSubresource,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void>;
}
