/**
 * HTTPS with keep-alive and a client certificate or token. A response that is no success becomes an `ApiError`; so does a failure to
 * reach the server (`ServiceUnavailable`) and a deadline that passed (`Timeout`: what was asked may still have happened).
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { ApiError, type Status } from '../api/status.ts';
import type { ClusterAccess } from './kubeconfig.ts';

const defaultTimeoutMs = 60_000;
const connectTimeoutMs = 10_000;
const maxSockets = 64;
/** A larger response is refused. */
const maxResponseBytes = 256 * 1024 * 1024;

export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body?: string | Buffer | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Until the last byte, or until the head of a stream. Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

/** A kept-alive connection turned out to be closed when it was used again. */
class StaleConnectionError extends Error {}

export class HttpsTransport {
  readonly #access: ClusterAccess;
  readonly #agent: Agent;

  constructor(access: ClusterAccess) {
    if (!access.server.startsWith('https://'))
      throw new Error(`server "${access.server}" is not an https URL: the API is served over TLS only`);
    this.#access = access;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets,
      ca: access.ca,
      cert: access.cert,
      key: access.key,
      rejectUnauthorized: access.insecureSkipVerify !== true,
      ...(access.serverName && { servername: access.serverName }),
    });
  }

  /** The whole body of a successful response. */
  async send(options: HttpRequest): Promise<Buffer> {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    try {
      return await readAll(await this.#open(options, signal));
    } catch (error) {
      if (timeout.aborted && !options.signal?.aborted)
        throw new ApiError(
          'Timeout',
          `${options.method} ${options.path}: no answer within ${timeoutMs} ms`,
          undefined,
          { cause: error },
        );
      throw asApiError(error, options);
    }
  }

  /** A successful response as it comes in; the caller reads it to its end or destroys it. `signal` also ends the body. */
  async stream(options: HttpRequest): Promise<IncomingMessage> {
    try {
      return await this.#open(options, options.signal);
    } catch (error) {
      throw asApiError(error, options);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Only a read is repeated: of a write nobody knows whether the first try arrived. */
  async #open(options: HttpRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    try {
      return await this.#openOnce(options, signal);
    } catch (error) {
      if (options.method !== 'GET' || !(error instanceof StaleConnectionError)) throw error;
      return await this.#openOnce(options, signal);
    }
  }

  #openOnce(options: HttpRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers: Record<string, string | number> = { accept: options.accept ?? 'application/json' };
    if (this.#access.token) headers.authorization = `Bearer ${this.#access.token}`;
    if (options.body !== undefined) {
      headers['content-type'] = options.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(options.body);
    }
    const outgoing = request(`${this.#access.server}${options.path}`, {
      method: options.method,
      agent: this.#agent,
      headers,
      ...(signal && { signal }),
    });
    const connecting = setTimeout(
      () => outgoing.destroy(new Error(`not connected within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connecting);
      else socket.once('secureConnect', () => clearTimeout(connecting));
    });
    outgoing.on('close', () => clearTimeout(connecting));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && error.code === 'ECONNRESET';
      reject(stale ? new StaleConnectionError('the server had closed the connection', { cause: error }) : error);
    });
    outgoing.on('response', (response) => {
      const code = response.statusCode ?? 500;
      if (code < 300) resolve(response);
      else readAll(response).then((body) => reject(failureOf(code, body)), reject);
    });
    outgoing.end(options.body);
    return promise;
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxResponseBytes) {
      response.destroy();
      throw new ApiError('RequestEntityTooLarge', `the response is larger than ${maxResponseBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function failureOf(code: number, body: Buffer): ApiError {
  const text = body.toString('utf8');
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') return ApiError.fromStatus(status);
  } catch {
    // No JSON, so no Status: told as text below.
  }
  const reasons = {
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    410: 'Expired',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
  } as const;
  const reason = reasons[code as keyof typeof reasons] ?? 'InternalError';
  return new ApiError(reason, `the server answered ${code}: ${text.slice(0, 200) || '(no body)'}`);
}

export function asApiError(error: unknown, options: Pick<HttpRequest, 'method' | 'path'>): unknown {
  if (error instanceof ApiError || (error as Error).name === 'AbortError') return error;
  const message = `${options.method} ${options.path}: ${(error as Error).message}`;
  return new ApiError('ServiceUnavailable', message, undefined, { cause: error });
}
