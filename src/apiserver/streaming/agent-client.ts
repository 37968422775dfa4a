/** HTTPS to the agents of nodes, with this master's certificate. An agent must prove that it is the node's: its name is checked too. */
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from 'node:tls';
import { ApiError, type Status } from '../../api/status.ts';
import type { TlsFiles } from '../../lib/grpc.ts';
import type { AgentEndpoint } from './agent-endpoint.ts';

const connectTimeoutMs = 10_000;
const keepAliveMs = 30_000;
const maxErrorBytes = 64 * 1024;

const bareCall: AgentRequest = { method: 'GET', path: '/', headers: {} };

export interface AgentRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  /** Ends the exchange. */
  readonly signal?: AbortSignal | undefined;
}

export interface AgentUpgrade {
  readonly socket: Duplex;
  readonly headers: IncomingHttpHeaders;
  /** First bytes of the upgraded protocol. */
  readonly head: Buffer;
}

export class AgentClient {
  readonly #identity: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

  /** Reads the files once. */
  constructor(tls: TlsFiles) {
    this.#identity = {
      ca: readFileSync(tls.caFile),
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
    };
  }

  /** The response of status 200. @throws ApiError with the agent's own Status for any other, `ServiceUnavailable` when it cannot be reached. */
  get(endpoint: AgentEndpoint, call: AgentRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#options(endpoint, call));
      startTimeout(outgoing, endpoint, reject);
      outgoing.on('response', (response) => {
        if (response.statusCode === 200) resolve(response);
        else readError(response, endpoint).then(reject, reject);
      });
      outgoing.end();
    });
  }

  /** The connection after 101. @throws ApiError as {@link get}. */
  upgrade(endpoint: AgentEndpoint, call: AgentRequest): Promise<AgentUpgrade> {
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#options(endpoint, call));
      startTimeout(outgoing, endpoint, reject);
      outgoing.on('upgrade', (response, socket, head) => resolve({ socket, headers: response.headers, head }));
      outgoing.on('response', (response) => readError(response, endpoint).then(reject, reject));
      outgoing.end();
    });
  }

  /** A bare TLS connection, for whoever speaks HTTP on it. @throws ApiError ServiceUnavailable */
  connect(endpoint: AgentEndpoint): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const { host, port, ca, cert, key, checkServerIdentity } = this.#options(endpoint, bareCall);
      const socket = connectTls({
        host: host!,
        port: Number(port),
        ca,
        cert,
        key,
        checkServerIdentity,
      } as ConnectionOptions);
      socket.setKeepAlive(true, keepAliveMs);
      const timer = setTimeout(
        () => socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(unreachable(endpoint, error));
      };
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        resolve(socket);
      });
    });
  }

  #options(endpoint: AgentEndpoint, call: AgentRequest): RequestOptions {
    return {
      host: endpoint.host,
      port: endpoint.port,
      method: call.method,
      path: call.path,
      headers: call.headers,
      // Every exchange has a connection of its own: it may last for hours, and nothing else shares its fate.
      agent: false,
      ...this.#identity,
      checkServerIdentity: (host, certificate) => {
        if (certificate.subject.CN !== `system:node:${endpoint.nodeName}`) {
          return new Error(`certificate is of "${certificate.subject.CN}", not of node "${endpoint.nodeName}"`);
        }
        return checkServerIdentity(host, certificate);
      },
      ...(call.signal && { signal: call.signal }),
    };
  }
}

/** Bounds the time to the connection and its handshake; a response (of `logs -f`) may then take its time. */
function startTimeout(
  outgoing: ReturnType<typeof request>,
  endpoint: AgentEndpoint,
  reject: (error: ApiError) => void,
): void {
  const timer = setTimeout(
    () => outgoing.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  outgoing.on('socket', (socket) => {
    socket.setKeepAlive(true, keepAliveMs);
    socket.once('secureConnect', () => clearTimeout(timer));
  });
  outgoing.on('close', () => clearTimeout(timer));
  outgoing.on('error', (error) => reject(unreachable(endpoint, error)));
}

function unreachable({ host, port, nodeName }: AgentEndpoint, cause: Error): ApiError {
  const message = `cannot reach the agent of node "${nodeName}" at ${host}:${port}: ${cause.message}`;
  return new ApiError('ServiceUnavailable', message, undefined, { cause });
}

/** The agent answers errors with a Status. */
async function readError(response: IncomingMessage, endpoint: AgentEndpoint): Promise<ApiError> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxErrorBytes) break;
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString();
  const fallback = `the agent of node "${endpoint.nodeName}" answered HTTP ${response.statusCode}: ${text.slice(0, 1000)}`;
  // 401 and 403 are about this master's certificate: the caller has done nothing wrong.
  if (response.statusCode === 401 || response.statusCode === 403) return new ApiError('InternalError', fallback);
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') return ApiError.fromStatus(status);
  } catch {
    return new ApiError('InternalError', fallback);
  }
  return new ApiError('InternalError', fallback);
}
