/**
 * The HTTPS server: HTTP/2 and HTTP/1.1 on one port, callers known by client certificate or bearer token. Every request ends in an answer or in a
 * closed stream; whatever a client does, it frees what it held when it goes.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../api/status.ts';
import type { TlsFiles } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import { metrics, textContentType } from '../../lib/metrics/registry.ts';
import type { Aggregator } from '../aggregation/aggregator.ts';
import type { RemoteService } from '../aggregation/remote-services.ts';
import type { Auditor, AuditTrail } from '../audit/index.ts';
import { certificateUser, peerOf } from '../authentication/client-certificate.ts';
import { anonymousUser } from '../authentication/index.ts';
import { resourceNotServed } from '../errors.ts';
import type { Fairness } from '../fairness/index.ts';
import { authenticated, beginRequest, failedHandshakes, notAuthenticated } from '../metrics/request-metrics.ts';
import type { MetricsSource } from '../metrics-api/metrics-source.ts';
import type { ResourceProxy } from '../proxy/index.ts';
import type { ResourceApi } from '../resource-api.ts';
import { fromStoreError } from '../store-errors.ts';
import type { HttpRequest, HttpResponse, StreamingProxy } from '../streaming-types.ts';
import type { Tracer } from '../tracing/index.ts';
import type { UserInfo } from '../types.ts';
import { createDiscoveryRoutes, type DocumentRoutes } from './discovery-routes.ts';
import { Exchange } from './exchange.ts';
import { handleResource, type ResourceHandlerOptions } from './handle-resource.ts';
import { createHealthRoutes, type HealthChecks } from './health-routes.ts';
import { impersonate } from './impersonation.ts';
import { parseRequestInfo, type RequestInfo, type ResourceRequestInfo } from './request-info.ts';
import { handleUpgrade, refuseUpgrade } from './upgrade.ts';

const defaultHandshakeTimeoutMs = 10_000;
/** For the head of an HTTP/1.1 request. */
const headersTimeoutMs = 10_000;
const maxHeaderBytes = 64 * 1024;
const maxConnections = 20_000;
/** Requests at a time on one HTTP/2 connection; an informer holds one for each kind that it watches. */
const maxStreamsPerConnection = 1_000;
/** Requests in work at a time, watches and pod streams aside; more are told to come back. */
const maxRequestsInFlight = 1_000;
const overloadRetrySeconds = 1;
/** As upstream estimates lists. */
const objectsPerSeat = 100;
const maxListSeats = 10;
/** Whoever could not be told. */
const nobody: UserInfo = { name: '', groups: [] };
const switchingProtocols = 101;
const internalError = 500;
/** Streams, and what waits for others. */
const longSubresources = new Set(['log', 'proxy', 'exec', 'attach', 'portforward']);
/** Finds peers that vanished without a word. */
const keepAliveMs = 30_000;
/** What is still running this long after `close` was called is cut off. */
const drainTimeoutMs = 5_000;

export interface ApiServerOptions {
  readonly api: ResourceApi;
  /** PEM files. The CA is that of client certificates. */
  readonly tls: TlsFiles;
  readonly listen: { readonly host: string; readonly port: number };
  readonly logger: Logger;
  /** Absent: log, exec, attach and portforward are answered with 503. */
  readonly streaming?: StreamingProxy | undefined;
  /** Absent: `proxy` subresources are answered with 503. */
  readonly proxy?: ResourceProxy | undefined;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer | undefined;
  /** Absent: nothing is audited. */
  readonly auditor?: Auditor | undefined;
  /** Absent: `metrics.k8s.io` is answered with 503. */
  readonly metrics?: MetricsSource | undefined;
  /** Absent: nothing waits for its turn. */
  readonly fairness?: Fairness | undefined;
  /** Absent: there are no aggregated API servers. */
  readonly aggregator?: Aggregator | undefined;
  /** Checks of `/readyz`, besides that this server is not closing. */
  readonly readiness?: HealthChecks | undefined;
  /** Checks of `/livez` and `/healthz`. */
  readonly liveness?: HealthChecks | undefined;
  /** Answer of `/debug/status`, for admins. */
  readonly debugStatus?: (() => object | Promise<object>) | undefined;
  /** A client that has not finished its TLS handshake by then is cut off. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
}

export interface ApiServer {
  readonly host: string;
  /** The one that it listens on, also where 0 was asked for. */
  readonly port: number;
  /** @throws Error when the address cannot be bound */
  listen(): Promise<void>;
  /** Goes on serving, but asks every client to connect anew: for the time in which load balancers notice that this server is not ready. */
  drain(): void;
  /** For new connections, as PEM; those that are open go on. */
  useCertificate(certificate: Buffer, privateKey: Buffer): void;
  /** Ends watches, lets the rest finish for a few seconds, then cuts it off. */
  close(): Promise<void>;
}

/** Reads the certificate files. Does not listen yet. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  return new HttpsApiServer(options);
}

class HttpsApiServer implements ApiServer {
  readonly #options: ApiServerOptions;
  readonly #server: Http2SecureServer;
  readonly #closing = new AbortController();
  #draining = false;
  readonly #handler: ResourceHandlerOptions;
  readonly #documents: DocumentRoutes;
  readonly #health: DocumentRoutes;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<TLSSocket>();
  #inFlight = 0;

  constructor(options: ApiServerOptions) {
    const { api, tls, readiness = {}, liveness = {} } = options;
    this.#options = options;
    this.#handler = {
      api,
      streaming: options.streaming,
      proxy: options.proxy,
      metrics: options.metrics,
      closing: this.#closing.signal,
    };
    this.#documents = createDiscoveryRoutes(api, () => `${this.host}:${this.port}`, options.aggregator);
    const closing = () => (this.#closing.signal.aborted ? 'this server is closing' : undefined);
    this.#health = createHealthRoutes({ livez: liveness, readyz: { ...readiness, closing } });
    this.#server = createSecureServer({
      allowHTTP1: true,
      requestCert: true,
      rejectUnauthorized: false,
      ca: readFileSync(tls.caFile),
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      minVersion: 'TLSv1.2',
      handshakeTimeout: options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
      headersTimeout: headersTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      settings: { maxConcurrentStreams: maxStreamsPerConnection, maxHeaderListSize: maxHeaderBytes },
    } as Parameters<typeof createSecureServer>[0]);
    this.#server.maxConnections = maxConnections;
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
    this.#server.on('secureConnection', (socket) => this.#onConnection(socket));
    this.#server.on('session', (session) => this.#onSession(session));
    this.#server.on('tlsClientError', (error, socket) => {
      options.logger.debug({ err: error }, 'TLS handshake failed');
      // Node.js leaves that to us: a client that stalls in its handshake would stay for ever.
      failedHandshakes.add();
      socket.destroy();
    });
    this.#server.on('sessionError', (error) => options.logger.debug({ err: error }, 'HTTP/2 session failed'));
    const refused = new WeakSet<Duplex>();
    this.#server.on('clientError', (error: Error, socket: Duplex) => {
      // Told again for every further piece of what cannot be read.
      if (refused.has(socket)) return;
      refused.add(socket);
      options.logger.debug({ err: error }, 'unreadable request');
      const established = (socket as TLSSocket).getProtocol?.() != null;
      if (established)
        refuseUpgrade(socket, new ApiError('BadRequest', `the request could not be read: ${error.message}`));
      else socket.destroy();
    });
  }

  get host(): string {
    return this.#options.listen.host;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.listen.port;
  }

  listen(): Promise<void> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.logger.error({ err: error }, 'API server socket failed'));
        resolve();
      });
    });
  }

  drain(): void {
    this.#draining = true;
    // GOAWAY: what is under way goes on, what comes next goes elsewhere.
    for (const session of this.#sessions) session.close();
  }

  useCertificate(cert: Buffer, key: Buffer): void {
    this.#server.setSecureContext({ ca: readFileSync(this.#options.tls.caFile), cert, key, minVersion: 'TLSv1.2' });
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#draining = true;
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    (this.#server as { closeIdleConnections?: () => void }).closeIdleConnections?.();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, drainTimeoutMs);
    await closed;
    clearTimeout(timer);
  }

  #onConnection(socket: TLSSocket): void {
    socket.setKeepAlive(true, keepAliveMs);
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', (error) => this.#options.logger.debug({ err: error }, 'connection failed'));
  }

  #onSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.on('error', (error) => this.#options.logger.debug({ err: error }, 'HTTP/2 session failed'));
    if (this.#draining) session.close();
  }

  #onRequest(request: HttpRequest, response: HttpResponse): void {
    this.#serve(request, response).catch((error) => {
      this.#options.logger.error({ err: error, url: request.url }, 'request failed unexpectedly');
      (response as unknown as Duplex).destroy();
    });
  }

  async #serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const http = response as unknown as { setHeader(name: string, value: string): void; on: Duplex['on'] };
    http.setHeader('audit-id', auditId(request));
    if (this.#draining && request.httpVersionMajor === 1) http.setHeader('connection', 'close');
    http.on('error', (error) => this.#options.logger.debug({ err: error }, 'response failed'));
    const url = urlOf(request);
    const exchange = new Exchange(request, response, url ?? new URL('https://unknown/'), anonymousUser);
    try {
      const info = url && infoOf(request, url);
      if (info && !(info instanceof ApiError)) this.#observe(exchange, info);
      const caller = await this.#authenticate(request).catch((error: unknown) => {
        if (info && !(info instanceof ApiError)) this.#audit(exchange, info, nobody, nobody);
        throw error;
      });
      if (!info) throw new ApiError('BadRequest', 'the request path is no valid URL');
      if (info instanceof ApiError) throw info;
      const user = await impersonate(request.headers, caller, this.#options.api.authorizer).catch((error: unknown) => {
        this.#audit(exchange, info, caller, caller);
        throw error;
      });
      exchange.context = { ...exchange.context, user };
      this.#audit(exchange, info, caller, user);
      await this.#route(exchange, info);
    } catch (error) {
      await this.#fail(exchange, error);
    }
  }

  /** Counted when its answer is out, or its client gone. */
  #observe(exchange: Exchange, info: RequestInfo): void {
    const { api, logger } = this.#options;
    const response = exchange.response as ServerResponse;
    const record = beginRequest(api, info, isLongRunning(info), exchange.query.get('dryRun') ?? '');
    const startedMs = performance.now();
    const span = this.#options.tracer?.begin(spanName(info), exchange.header('traceparent'));
    response.once('close', () => {
      span?.end(
        {
          'http.request.method': exchange.request.method ?? '',
          'url.path': exchange.url.pathname,
          'audit-id': String(response.getHeader('audit-id')),
        },
        response.statusCode,
      );
      const length = response.getHeader('content-length');
      record.end(response.statusCode, length === undefined ? undefined : Number(length));
      if (!logger.isLevelEnabled('debug')) return;
      const { method } = exchange.request;
      const ms = Math.round(performance.now() - startedMs);
      const user = exchange.context.user.name;
      const auditId = response.getHeader('audit-id');
      const about = { auditId, method, path: exchange.url.pathname, user, code: response.statusCode, ms };
      logger.debug(about, 'request');
    });
  }

  #audit(exchange: Exchange, info: RequestInfo, caller: UserInfo, user: UserInfo): void {
    const { request } = exchange;
    const response = exchange.response as ServerResponse;
    const trail = this.#trailOf(request, String(response.getHeader('audit-id')), info, caller, user);
    if (!trail) return;
    exchange.audit = trail;
    exchange.context = { ...exchange.context, annotate: (key, value) => trail.annotate(key, value) };
    response.once('close', () => trail.end(response.statusCode));
  }

  #trailOf(
    request: HttpRequest,
    auditId: string,
    info: RequestInfo,
    caller: UserInfo,
    user: UserInfo,
  ): AuditTrail | undefined {
    const { headers, socket } = request;
    return this.#options.auditor?.begin({
      auditId,
      info,
      requestUri: request.url ?? '/',
      caller,
      impersonated: user === caller ? undefined : user,
      sourceIps: socket?.remoteAddress ? [socket.remoteAddress] : [],
      userAgent: headers['user-agent'],
    });
  }

  async #authenticate(request: HttpRequest): Promise<UserInfo> {
    const { authenticator } = this.#options.api;
    try {
      const user = await authenticator.authenticate(certificateOf(request), request.headers.authorization);
      authenticated.add();
      return user;
    } catch (error) {
      notAuthenticated.add();
      throw error;
    }
  }

  async #route(exchange: Exchange, info: RequestInfo): Promise<void> {
    const { fairness } = this.#options;
    if (!fairness || isLongRunning(info)) return this.#dispatch(exchange, info);
    const { user } = exchange.context;
    const admission = await fairness.admit(user, info, () => this.#widthOf(info, exchange.query), exchange.signal);
    const headers = exchange.response as ServerResponse;
    headers.setHeader('x-kubernetes-pf-flowschema-uid', admission.schemaUid);
    headers.setHeader('x-kubernetes-pf-prioritylevel-uid', admission.levelUid);
    try {
      await this.#dispatch(exchange, info);
    } finally {
      admission.release();
    }
  }

  /** Seats: a list takes one for each hundred of its objects. */
  #widthOf(info: RequestInfo, query: URLSearchParams): number {
    if (info.kind !== 'resource' || info.verb !== 'list') return 1;
    const limit = Number(query.get('limit')) || Number.POSITIVE_INFINITY;
    const count = Math.min(limit, this.#options.api.count(info));
    return Math.max(1, Math.min(maxListSeats, Math.ceil(count / objectsPerSeat)));
  }

  async #dispatch(exchange: Exchange, info: RequestInfo): Promise<void> {
    const remote = this.#remoteOf(info);
    if (remote) return this.#forward(exchange, info, remote);
    if (info.kind === 'resource') {
      return isLongRunning(info) ? handleResource(this.#handler, exchange, info) : this.#bounded(exchange, info);
    }
    await authorizeInfo(this.#options.api, exchange.context.user, info);
    if (info.verb !== 'get') {
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    }
    if (info.path === '/metrics') return exchange.send(200, textContentType, Buffer.from(metrics.text()));
    if (info.path === '/debug/status' && this.#options.debugStatus) {
      return exchange.sendJson(200, await this.#options.debugStatus());
    }
    const answered = this.#health(exchange, info.path) ?? this.#documents(exchange, info.path);
    if (!answered) throw resourceNotServed();
    return answered;
  }

  /** The aggregated API server that answers, if it is not this one. */
  #remoteOf(info: RequestInfo): RemoteService | undefined {
    const { aggregator, api } = this.#options;
    if (!aggregator) return undefined;
    const { group, version } = info.kind === 'resource' ? info.resource : groupVersionOf(info.path);
    // What this API has itself is answered here, whatever somebody registers.
    if (group === '' || api.registry.definitions.some((one) => one.group === group && one.version === version)) {
      return undefined;
    }
    return aggregator.services.find(group, version);
  }

  async #forward(exchange: Exchange, info: RequestInfo, remote: RemoteService): Promise<void> {
    const { context, request, response, signal } = exchange;
    await authorizeInfo(this.#options.api, context.user, info);
    await this.#options.aggregator!.handle(remote, context.user, request, response, signal);
  }

  async #bounded(exchange: Exchange, info: ResourceRequestInfo): Promise<void> {
    if (this.#inFlight >= maxRequestsInFlight) {
      throw new ApiError('TooManyRequests', 'too many requests, please try again later', {
        retryAfterSeconds: overloadRetrySeconds,
      });
    }
    this.#inFlight++;
    try {
      await handleResource(this.#handler, exchange, info);
    } finally {
      this.#inFlight--;
    }
  }

  async #fail(exchange: Exchange, error: unknown): Promise<void> {
    if (exchange.finished) return;
    const told = fromStoreError(error);
    if (told instanceof ApiError) {
      // Whatever of the body was not read must not block the connection.
      (exchange.request as IncomingMessage).resume();
      return exchange.fail(told);
    }
    this.#options.logger.error({ err: error, url: exchange.url.pathname }, 'internal error');
    const message = error instanceof Error ? error.message : String(error);
    return exchange.fail(new ApiError('InternalError', `Internal error occurred: ${message}`));
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => this.#options.logger.debug({ err: error }, 'upgraded connection failed'));
    this.#upgrade(request, socket, head).catch((error) => {
      const told = fromStoreError(error);
      if (told instanceof ApiError) return refuseUpgrade(socket, told);
      this.#options.logger.error({ err: error, url: request.url }, 'upgrade failed unexpectedly');
      socket.destroy();
    });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const caller = await this.#authenticate(request);
    const url = urlOf(request);
    if (!url) throw new ApiError('BadRequest', 'the request path is no valid URL');
    const user = await impersonate(request.headers, caller, this.#options.api.authorizer);
    const info = parseRequestInfo(request.method ?? 'GET', url.pathname, url.searchParams);
    const trail = this.#trailOf(request, auditId(request), info, caller, user);
    try {
      await this.#carryUpgrade(info, user, url, request, socket, head);
      trail?.end(switchingProtocols);
    } catch (error) {
      trail?.end(error instanceof ApiError ? error.code : internalError);
      throw error;
    }
  }

  async #carryUpgrade(
    info: RequestInfo,
    user: UserInfo,
    url: URL,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const remote = this.#remoteOf(info);
    if (remote) {
      await authorizeInfo(this.#options.api, user, info);
      return this.#options.aggregator!.handleUpgrade(remote, user, request, socket, head);
    }
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    await handleUpgrade(this.#handler, { user, signal: gone.signal }, url, request, socket, head);
  }
}

/** One lookup per connection: the certificate cannot change within it. @throws ApiError Unauthorized */
const callers = new WeakMap<object, UserInfo | null>();

function certificateOf(request: HttpRequest): UserInfo | undefined {
  const http2 = (request as { stream?: { session?: { socket: TLSSocket } } }).stream?.session;
  const owner: object | undefined = http2 ?? request.socket;
  if (!owner) return undefined;
  let caller = callers.get(owner);
  if (caller === undefined) {
    caller = certificateUser(peerOf(http2 ? http2.socket : (request.socket as TLSSocket))) ?? null;
    callers.set(owner, caller);
  }
  return caller ?? undefined;
}

/** Of `/apis/GROUP/VERSION` and of its OpenAPI document. */
function groupVersionOf(path: string): { readonly group: string; readonly version: string } {
  const match = /^\/(?:openapi\/v3\/)?apis\/([^/]+)\/([^/]+)\/?$/.exec(path);
  return { group: match?.[1] ?? '', version: match?.[2] ?? '' };
}

/** Of a request that another server answers. @throws ApiError Forbidden */
async function authorizeInfo(api: ResourceApi, user: UserInfo, info: RequestInfo): Promise<void> {
  if (info.kind === 'resource') {
    const { resource, subresource, namespace, name, verb } = info;
    return api.authorize({ user }, { resource, subresource, namespace, name }, verb);
  }
  const decision = await api.authorizer.authorize({ user, verb: info.verb, path: info.path });
  if (decision.allowed) return;
  throw new ApiError('Forbidden', `forbidden: User "${user.name}" cannot ${info.verb} path "${info.path}"`, {});
}

/** What is not well encoded is told once it is known who asks. */
function infoOf(request: HttpRequest, url: URL): RequestInfo | ApiError {
  try {
    return parseRequestInfo(request.method ?? 'GET', url.pathname, url.searchParams);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

function spanName(info: RequestInfo): string {
  const what = info.kind === 'resource' ? info.resource.resource : info.path.split('/')[1];
  return `${info.verb.toUpperCase()} ${what}`;
}

function isLongRunning(info: RequestInfo): boolean {
  return info.kind === 'resource' && (info.verb === 'watch' || longSubresources.has(info.subresource ?? ''));
}

function urlOf(request: HttpRequest): URL | undefined {
  // Only the path matters; a host is needed to parse it. `//x` is a path here, not a host.
  const path = request.url ?? '/';
  return path.startsWith('/') && URL.canParse(`https://host${path}`) ? new URL(`https://host${path}`) : undefined;
}

/** The client's, if it looks like one. */
function auditId(request: HttpRequest): string {
  const given = request.headers['audit-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
