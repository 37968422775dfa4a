/** A watch over a WebSocket: each event is one text message of JSON. Nothing is taken from the client. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../api/status.ts';
import { acceptLogSocket } from '../streaming/log-websocket.ts';
import type { Target } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { EventEncoder } from './encode.ts';
import type { ResourceHandlerOptions } from './handle-resource.ts';
import { negotiate } from './negotiate.ts';
import { watchOptions } from './query-options.ts';

/** Resolves when the watch is over. @throws ApiError before anything was written */
export async function watchOverWebSocket(
  { api, closing }: ResourceHandlerOptions,
  context: RequestContext,
  target: Target,
  query: URLSearchParams,
  upgrade: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  const { request, socket, head } = upgrade;
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new ApiError('BadRequest', `cannot upgrade to "${request.headers.upgrade ?? ''}": watches need websocket`);
  }
  const accepted = negotiate(request.headers.accept, false);
  const signal = context.signal ? AbortSignal.any([context.signal, closing]) : closing;
  const stream = await api.watch({ ...context, signal }, target, watchOptions(query));
  try {
    const encoder = new EventEncoder(stream.definition, { ...accepted, encoding: 'json' }, 'Metadata');
    const webSocket = await acceptLogSocket(request, socket, head, '');
    webSocket.on('error', () => webSocket.terminate());
    for await (const batch of stream) {
      for (const event of batch) {
        if (webSocket.readyState !== webSocket.OPEN) return;
        const text = encoder.encode([event], api.clock.nowMs()).toString().trimEnd();
        // As fast as the client takes them.
        await new Promise<void>((resolve) => webSocket.send(text, () => resolve()));
      }
    }
    webSocket.close(1000);
  } finally {
    stream.close();
  }
}
