/** The `proxy` subresource of pods, services and nodes: any HTTP verb, any path below it, upgrades too. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { ApiError } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import { resourceNotServed } from '../errors.ts';
import type { AgentClient } from '../streaming/agent-client.ts';
import { nodeEndpoint } from '../streaming/agent-endpoint.ts';
import type { HttpRequest, HttpResponse } from '../streaming-types.ts';
import type { NamedTarget } from '../target.ts';
import { forwardRequest, forwardUpgrade, type Upstream } from './forward.ts';
import { nodeAddress, type ProxyName, parseProxyName, podAddress, serviceAddress } from './locate.ts';
import { type DialPod, dialTcp, type PodAddress, podDialer, unreachable } from './pod-dialer.ts';
import { rewriteAnswers } from './rewrite.ts';

export { type ConnectService, type ServicePort, serviceConnector } from './service-connector.ts';
export type { DialPod, PodAddress };
export { podDialer };

/** Exchanges through this replica at one time. */
const maxExchanges = 2_000;
const handshakeTimeoutMs = 10_000;
const endpointSlices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' } as const;

export interface ResourceProxy {
  /** The caller has been authorized. `path`: raw, with its query. @throws ApiError before anything was written */
  handle(
    target: NamedTarget,
    path: string,
    request: HttpRequest,
    response: HttpResponse,
    signal: AbortSignal,
  ): Promise<void>;
  handleUpgrade(
    target: NamedTarget,
    path: string,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void>;
}

export interface ResourceProxyOptions {
  /** Reads as this master. */
  readonly client: ApiClient;
  readonly agents: AgentClient;
  readonly dial: DialPod;
  readonly random: () => number;
}

const rootOf = /^(\/+api\/+v1\/+(?:namespaces\/+[^/]+\/+)?[^/]+\/+[^/]+\/+proxy)(\/.*)?$/;

/** The path of the proxied root and what is asked below it; undefined below: exactly the root, without a slash. */
export function splitProxyPath(path: string): { readonly root: string; readonly below: string | undefined } {
  const match = rootOf.exec(path);
  if (!match) throw resourceNotServed();
  return { root: match[1]!, below: match[2] };
}

export function createResourceProxy(options: ResourceProxyOptions): ResourceProxy {
  let exchanges = 0;
  const limited = async (run: () => Promise<void>): Promise<void> => {
    if (exchanges >= maxExchanges) {
      const message = `this master carries ${maxExchanges} proxied requests already`;
      throw new ApiError('TooManyRequests', message, { retryAfterSeconds: 1 });
    }
    exchanges++;
    try {
      await run();
    } finally {
      exchanges--;
    }
  };
  const reach = async (target: NamedTarget, url: string, signal?: AbortSignal) => {
    const [path = '', query] = split(url);
    const { root, below = '/' } = splitProxyPath(path);
    const name = parseProxyName(target.name, target.resource.resource.slice(0, -1));
    const { socket, host } = await connectTo(options, target, name, signal);
    const upstream: Upstream = {
      socket,
      host,
      path: `${below}${query}`,
      headers: { 'x-forwarded-uri': path, 'accept-encoding': 'identity' },
    };
    return { upstream, root };
  };
  return {
    handle: (target, url, request, response, signal) =>
      limited(async () => {
        const [path = '', query] = split(url);
        const isRead = request.method === 'GET' || request.method === 'HEAD';
        if (isRead && splitProxyPath(path).below === undefined) {
          // Relative links of the page would lead out of it.
          (response as ServerResponse).writeHead(301, { location: `${path}/${query}` });
          response.end();
          return;
        }
        const { upstream, root } = await reach(target, url, signal);
        await forwardRequest(request, response, upstream, signal, rewriteAnswers(root, upstream.host));
      }),
    handleUpgrade: (target, url, request, socket, head) =>
      limited(async () => forwardUpgrade(request, socket, head, (await reach(target, url)).upstream)),
  };
}

function split(url: string): [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark)];
}

async function connectTo(
  { client, agents, dial, random }: ResourceProxyOptions,
  { resource, namespace }: NamedTarget,
  proxyName: ProxyName,
  signal: AbortSignal | undefined,
): Promise<{ socket: Duplex; host: string }> {
  const key = { namespace, name: proxyName.name };
  const fresh = { resourceVersion: '0' };
  switch (resource.resource) {
    case 'pods': {
      const address = podAddress(await client.get<Pod>(resources.pods, key, fresh), proxyName);
      return secured(await dial(address, signal), address, proxyName);
    }
    case 'services': {
      const service = await client.get<Service>(resources.services, key, fresh);
      const labelSelector = `kubernetes.io/service-name=${proxyName.name}`;
      const slices = await client.list<EndpointSlice>(endpointSlices, {
        namespace,
        labelSelector,
        resourceVersion: '0',
      });
      const address = serviceAddress(service, proxyName.port, slices.items, random());
      return secured(await dial(address, signal), address, proxyName);
    }
    case 'nodes': {
      const node = await client.get<Node>(resources.nodes, { name: proxyName.name }, fresh);
      const { ip, port } = nodeAddress(node, proxyName);
      if (port !== undefined) return secured(await dialTcp(ip, port, signal), { ip, port }, proxyName);
      const endpoint = nodeEndpoint(node, proxyName.name);
      return { socket: await agents.connect(endpoint), host: `${endpoint.host}:${endpoint.port}` };
    }
    default:
      throw resourceNotServed();
  }
}

/** Whom a certificate of a pod or Service is for is not known here: as upstream, it is not checked. */
async function secured(
  socket: Duplex,
  { ip, port }: Pick<PodAddress, 'ip' | 'port'>,
  { scheme }: ProxyName,
): Promise<{ socket: Duplex; host: string }> {
  const host = `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
  if (scheme === 'http') return { socket, host };
  return { socket: await startTls(socket, { rejectUnauthorized: false }), host };
}

/** A TLS client over a connection that is there. @throws ApiError ServiceUnavailable */
export function startTls(socket: Duplex, options: ConnectionOptions): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ ...options, socket, ALPNProtocols: ['http/1.1'] });
    const timer = setTimeout(() => tls.destroy(new Error('TLS handshake timeout')), handshakeTimeoutMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(unreachable(error.message, error));
    };
    tls.once('error', fail);
    tls.once('secureConnect', () => {
      clearTimeout(timer);
      tls.off('error', fail);
      resolve(tls);
    });
  });
}
