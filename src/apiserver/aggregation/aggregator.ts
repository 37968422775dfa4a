/**
 * Carries requests to aggregated API servers. Who asks is told in headers that count because this master shows the front proxy's certificate;
 * the other side is known by the APIService's `caBundle` and the name `SERVICE.NAMESPACE.svc`.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ApiError } from '../../api/status.ts';
import type { TlsFiles } from '../../lib/grpc.ts';
import { forwardRequest, forwardUpgrade, type Upstream } from '../proxy/forward.ts';
import { type ConnectService, startTls } from '../proxy/index.ts';
import type { HttpRequest, HttpResponse } from '../streaming-types.ts';
import type { UserInfo } from '../types.ts';
import type { RemoteService, RemoteServices } from './remote-services.ts';

const maxDocumentBytes = 32 * 1024 * 1024;
/** Requests through this replica at one time. */
const maxExchanges = 2_000;

export interface AggregatorOptions {
  readonly services: RemoteServices;
  readonly connectService: ConnectService;
  readonly frontProxy: TlsFiles;
}

export class Aggregator {
  readonly services: RemoteServices;
  readonly #options: AggregatorOptions;
  readonly #identity: { readonly cert: Buffer; readonly key: Buffer };
  #exchanges = 0;

  /** Reads the front proxy's files. */
  constructor(options: AggregatorOptions) {
    this.services = options.services;
    this.#options = options;
    const { certFile, keyFile } = options.frontProxy;
    this.#identity = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }

  /** @throws ApiError ServiceUnavailable before anything was written */
  handle(
    remote: RemoteService,
    user: UserInfo,
    request: HttpRequest,
    response: HttpResponse,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#limited(async () => {
      const upstream = await this.#reach(remote, user, request.url ?? '/', signal);
      await forwardRequest(request, response, upstream, signal);
    });
  }

  handleUpgrade(
    remote: RemoteService,
    user: UserInfo,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    return this.#limited(async () =>
      forwardUpgrade(request, socket, head, await this.#reach(remote, user, request.url ?? '/')),
    );
  }

  /** A document of the remote, read by this master. @throws Error */
  async fetch(
    remote: RemoteService,
    path: string,
    signal: AbortSignal,
    accept = 'application/json',
  ): Promise<{ readonly status: number; readonly contentType: string; readonly body: Buffer }> {
    const upstream = await this.#connect(remote, path, {}, signal);
    const { socket, host } = upstream;
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { host, accept, ...identityHeaders(aggregatorUser) };
        httpRequest({ path, headers, setHost: false, createConnection: () => socket as never, signal })
          .on('response', resolve)
          .on('error', reject)
          .end();
      });
      if (Number(answer.headers['content-length'] ?? 0) > maxDocumentBytes)
        throw new Error('the document is too large');
      const body = await buffer(answer);
      return { status: answer.statusCode ?? 0, contentType: answer.headers['content-type'] ?? '', body };
    } finally {
      socket.destroy();
    }
  }

  async #limited(run: () => Promise<void>): Promise<void> {
    if (this.#exchanges >= maxExchanges) {
      const message = `this master carries ${maxExchanges} aggregated requests already`;
      throw new ApiError('TooManyRequests', message, { retryAfterSeconds: 1 });
    }
    this.#exchanges++;
    try {
      await run();
    } finally {
      this.#exchanges--;
    }
  }

  #reach(remote: RemoteService, user: UserInfo, path: string, signal?: AbortSignal): Promise<Upstream> {
    // What is known to be down is not asked: clients learn it at once.
    if (!remote.available) throw new ApiError('ServiceUnavailable', 'service unavailable');
    return this.#connect(remote, path, identityHeaders(user), signal);
  }

  async #connect(
    { name, namespace, port, object }: RemoteService,
    path: string,
    headers: Record<string, string | string[]>,
    signal?: AbortSignal,
  ): Promise<Upstream> {
    const servername = `${name}.${namespace}.svc`;
    const { caBundle, insecureSkipTLSVerify } = object.spec ?? {};
    const socket = await startTls(await this.#options.connectService({ namespace, name, port }, signal), {
      ...this.#identity,
      servername,
      rejectUnauthorized: insecureSkipTLSVerify !== true,
      ...(caBundle && { ca: Buffer.from(caBundle, 'base64') }),
    });
    return { socket, host: `${servername}:${port}`, path, headers };
  }
}

/** As whom documents are read. */
const aggregatorUser: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };

/** Names of `extra` may hold what a header name may not. */
export function identityHeaders({ name, uid, groups, extra = {} }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': name };
  if (uid) headers['x-remote-uid'] = uid;
  if (groups.length > 0) headers['x-remote-group'] = [...groups];
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = [...values];
  }
  return headers;
}
