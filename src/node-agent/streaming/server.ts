/**
 * The agent's HTTPS server: logs and streams of the pods on this node, for the masters only. Paths are those of a kubelet:
 *
 *   GET /healthz, /pods, /configz, /stats/summary, /metrics, /metrics/resource, /metrics/cadvisor, /metrics/probes
 *   GET /containerLogs/NAMESPACE/POD/CONTAINER
 *   GET, upgraded: /connect/NAMESPACE/POD/PORT (a raw TCP connection; no kubelet has it)
 *   GET or POST, upgraded: /exec/NAMESPACE/POD/CONTAINER, /attach/NAMESPACE/POD/CONTAINER, /portForward/NAMESPACE/POD
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../api/status.ts';
import type { TlsFiles } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PodLookup } from '../pod-lookup.ts';
import { authenticate } from './authenticate.ts';
import { CriStreaming } from './cri-streaming.ts';
import { ContainerdExecutor } from './exec.ts';
import { handleLogs } from './handle-logs.ts';
import { handleNodePage, type NodePages } from './handle-node-page.ts';
import { handleUpgrade, type StreamingBackend } from './handle-upgrade.ts';
import { parseRoute, type Route } from './routes.ts';
import { refuseUpgrade } from './upgrade.ts';

/** Logs being followed, commands, attachments and forwards at one time. */
const maxExchanges = 500;
const keepAliveMs = 30_000;

export interface StreamingServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: TlsFiles;
  readonly pods: PodLookup;
  /** Absent: only `/healthz` is answered. */
  readonly nodePages?: NodePages | undefined;
  /** Absent on a hollow node: exec, attach and port-forward are refused with a reason. */
  readonly containerd: { readonly socket: string } | undefined;
  /** Instead of containerd; for tests and other runtimes. */
  readonly backend?: StreamingBackend | undefined;
  readonly logger: Logger;
}

export interface StreamingServer {
  readonly port: number;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

/** Resolves once it is listening. Rejects when the address cannot be bound or a TLS file cannot be read. */
export async function startStreamingServer(options: StreamingServerOptions): Promise<StreamingServer> {
  const { pods, logger } = options;
  const ownBackend =
    options.containerd && !options.backend ? containerdBackend(options.containerd.socket, logger) : undefined;
  const backend = options.backend ?? ownBackend;
  const sockets = new Set<Duplex>();
  let exchanges = 0;

  const server = createServer({
    ca: readFileSync(options.tls.caFile),
    cert: readFileSync(options.tls.certFile),
    key: readFileSync(options.tls.keyFile),
    // A caller without a certificate gets a 401 rather than a broken handshake.
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
  });

  server.on('secureConnection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  /** Runs one exchange within the limit, after authentication. */
  const admit = async (request: IncomingMessage, run: (route: Route) => Promise<void>): Promise<void> => {
    authenticate(request);
    const route = parseRoute(request.url ?? '/');
    if (exchanges >= maxExchanges) {
      throw new ApiError('TooManyRequests', `this node carries ${maxExchanges} streams already`, {
        retryAfterSeconds: 1,
      });
    }
    exchanges++;
    try {
      await run(route);
    } finally {
      exchanges--;
    }
  };

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    admit(request, async (route) => {
      if (route.kind === 'node') {
        await handleNodePage(options.nodePages, route.what, route.query, response);
      } else if (route.kind === 'logs') {
        await handleLogs(pods, route.path, route.query, response, Date.now());
      } else {
        throw new ApiError('BadRequest', `${route.kind} needs an upgraded connection (WebSocket or SPDY/3.1)`);
      }
    }).catch((error: unknown) => answerError(response, error, logger));
  });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'streaming connection failed'));
    (socket as Socket).setKeepAlive(true, keepAliveMs);
    admit(request, (route) => handleUpgrade(pods, backend, route, { request, socket, head }, logger)).catch(
      (error: unknown) => {
        refuseUpgrade(socket, asApiError(error, logger));
      },
    );
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  logger.info({ address: options.address, port }, 'streaming server is listening');
  return { port, close: () => closeServer(server, sockets, ownBackend) };
}

function containerdBackend(socket: string, logger: Logger): StreamingBackend & { close(): void } {
  const executor = new ContainerdExecutor(socket, logger);
  const streaming = new CriStreaming(socket);
  return {
    executor,
    streaming,
    close() {
      executor.close();
      streaming.close();
    },
  };
}

/** `closeAllConnections` knows nothing of upgraded ones. */
function closeServer(
  server: Server,
  sockets: ReadonlySet<Duplex>,
  backend: { close(): void } | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      backend?.close();
      resolve();
    });
    for (const socket of sockets) socket.destroy();
  });
}

function answerError(response: ServerResponse, error: unknown, logger: Logger): void {
  const apiError = asApiError(error, logger);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(apiError.code, { 'content-type': 'application/json' }).end(JSON.stringify(apiError.toStatus()));
}

function asApiError(error: unknown, logger: Logger): ApiError {
  if (error instanceof ApiError) return error;
  logger.error({ err: error }, 'streaming request failed');
  return new ApiError('InternalError', `Internal error occurred: ${(error as Error).message}`, undefined, {
    cause: error,
  });
}
