/**
 * HTTPS to webhooks, over connections that are kept: one agent per place and CA. A Service is reached through whoever knows its endpoints, under the name
 * NAME.NAMESPACE.svc, which its certificate must be for.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { WebhookClientConfig } from '../../../api/generated/types/admissionregistration-v1.ts';

/** Of one webhook. */
const maxSockets = 32;
const maxIdleSockets = 8;
/** Places with kept connections; the one that was not used for longest makes room. */
const maxAgents = 500;
/** A larger answer is refused. */
const maxResponseBytes = 16 * 1024 * 1024;
const keepAliveMs = 30_000;

/** A connection to one of the ready endpoints of a Service's port. Rejects with an Error whose message says why not. */
export type ConnectService = (
  service: { readonly namespace: string; readonly name: string; readonly port: number },
  signal?: AbortSignal,
) => Promise<Duplex>;

export interface WebhookCall {
  readonly clientConfig: WebhookClientConfig;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly port: number } | undefined;
}

export class WebhookClient {
  readonly #connectService: ConnectService;
  readonly #agents = new Map<string, Agent>();

  constructor(connectService: ConnectService) {
    this.#connectService = connectService;
  }

  /** The answer's JSON. @throws Error in the form `Post "URL": why` */
  async post({ clientConfig, body, timeoutMs, signal }: WebhookCall): Promise<unknown> {
    const place = placeOf(clientConfig);
    const path = `${place.path}?timeout=${Math.ceil(timeoutMs / 1000)}s`;
    const url = `https://${place.host}:${place.port}${path}`;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const agent = this.#agentOf(place, clientConfig.caBundle);
    try {
      return await send(agent, place, path, body, either);
    } catch (error) {
      if (error instanceof RefusedAnswer) throw error;
      const why = timeout.aborted ? 'context deadline exceeded' : reasonOf(error as NodeJS.ErrnoException, place);
      throw new Error(`Post "${url}": ${why}`, { cause: error });
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #agentOf(place: Place, caBundle: string | undefined): Agent {
    const key = `${place.host}:${place.port} ${caBundle ?? ''}`;
    const agent = this.#agents.get(key) ?? this.#makeAgent(place, caBundle);
    this.#agents.delete(key);
    this.#agents.set(key, agent);
    for (const [oldest, unused] of this.#agents) {
      if (this.#agents.size <= maxAgents) break;
      this.#agents.delete(oldest);
      unused.destroy();
    }
    return agent;
  }

  #makeAgent({ service, host }: Place, caBundle: string | undefined): Agent {
    const options = {
      keepAlive: true,
      maxSockets,
      maxFreeSockets: maxIdleSockets,
      keepAliveMsecs: keepAliveMs,
      ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
      ...(isIP(host) === 0 && { servername: host }),
    };
    if (!service) return new Agent(options);
    return new ServiceAgent(options, (signal) => this.#connectService(service, signal));
  }
}

/** Makes its connections through somebody else. */
class ServiceAgent extends Agent {
  readonly #connect: (signal?: AbortSignal) => Promise<Duplex>;

  constructor(options: object, connect: (signal?: AbortSignal) => Promise<Duplex>) {
    super(options);
    this.#connect = connect;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.#connect().then(
      (socket) => callback?.(null, connectTls({ ...options, socket, ALPNProtocols: ['http/1.1'] })),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  }
}

/** It was reached, and gave no use. */
class RefusedAnswer extends Error {}

function placeOf({ url, service }: WebhookClientConfig): Place {
  if (service) {
    const { name, namespace, port = 443, path } = service;
    return { host: `${name}.${namespace}.svc`, port, path: path || '/', service: { name, namespace, port } };
  }
  if (!url) throw new RefusedAnswer('webhook configuration must have either service or URL');
  const parsed = new URL(url);
  return { host: parsed.hostname, port: Number(parsed.port || 443), path: parsed.pathname };
}

/** In the words of Go's network library, which people search for. */
function reasonOf({ code, message }: NodeJS.ErrnoException, { host, port }: Place): string {
  const at = `${host}:${port}`;
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${at}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${at}: connect: no route to host`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'ECONNRESET':
      return `read tcp ${at}: connection reset by peer`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: certificate is not valid for ${host}: ${message}`;
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    default:
      return message;
  }
}

async function send(
  agent: Agent,
  { host, port }: Place,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<unknown> {
  const bytes = Buffer.from(body);
  for (let attempt = 1; ; attempt++) {
    const outgoing = request({
      agent,
      host,
      port,
      path,
      signal,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, */*',
        'content-length': bytes.length,
        'user-agent': 'trimast-admission',
      },
    });
    try {
      return await readAnswer(await answerTo(outgoing, bytes));
    } catch (error) {
      // A kept connection may have been closed by the other side just now: then nothing was asked.
      if (attempt > 1 || !outgoing.reusedSocket || (error as { code?: string }).code !== 'ECONNRESET') throw error;
    }
  }
}

function answerTo(outgoing: ClientRequest, bytes: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxResponseBytes) throw new Error(`the answer is larger than ${maxResponseBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) throw new RefusedAnswer(refusal(status, text));
  try {
    return JSON.parse(text);
  } catch {
    throw new RefusedAnswer(`couldn't get version/kind; json parse error: ${text.slice(0, 200)}`);
  }
}

/** In the words that clients of webhooks know. */
function refusal(status: number, text: string): string {
  if (status === 404) return 'the server could not find the requested resource';
  if (status >= 500) {
    return `an error on the server (${JSON.stringify(text.trim().slice(0, 2000) || 'unknown')}) has prevented the request from succeeding`;
  }
  return `the server rejected our request for an unknown reason: HTTP ${status}: ${text.trim().slice(0, 500)}`;
}
