/**
 * A TCP load balancer in front of the masters: it copies bytes and never looks into TLS. A backend that fails is ejected at once, by its
 * health check or by a refused connection, and then the next one is tried before the client sees anything. A connection is
 * cut only when its backend has not answered anything for {@link unresponsiveMs}, so that its client can go elsewhere.
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Logger } from '../lib/logger.ts';
import { type BackendState, Balancer } from './balancer.ts';
import type { LoadBalancerConfig } from './config.ts';
import { type Health, startHealthCheck } from './health-check.ts';
import { type HostAndPort, parseAddress } from './parse-address.ts';

const maxConnections = 10_000;
const connectTimeoutMs = 1_000;
const checkTimeoutMs = 500;
const defaultCheckIntervalMs = 200;
/** A backend that is silent for this long is taken for gone: its connections are closed. */
const unresponsiveMs = 5_000;
const keepAliveMs = 10_000;

export interface LoadBalancer {
  readonly host: string;
  readonly port: number;
  state(): BackendState[];
  /** Connections to backends that are left out go on until they end. @throws RangeError for a list that cannot work */
  setBackends(backends: LoadBalancerConfig['backends']): void;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

interface Backend extends HostAndPort {
  readonly name: string;
  /** Client sockets that this backend serves. */
  readonly clients: Set<Socket>;
  unreachableSinceMs: number | undefined;
}

/** @throws RangeError for a configuration that cannot work; Error when the address is taken or a file cannot be read. */
export async function startLoadBalancer(config: LoadBalancerConfig, logger: Logger): Promise<LoadBalancer> {
  const listen = parseAddress(config.listen);
  const balancer = new Balancer(config.backends.map((backend) => backend.name));
  const backends = new Map<string, Backend>();
  const tls = {
    ca: readFileSync(config.tls.caFile),
    cert: readFileSync(config.tls.certFile),
    key: readFileSync(config.tls.keyFile),
  };
  const clients = new Set<Socket>();

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    // The client may go away at any time; its `close` does all the work.
    client.on('error', (error) => logger.debug({ error: error.message }, 'client connection failed'));
    forward(client, new Set());
  });
  server.maxConnections = maxConnections;

  function forward(client: Socket, tried: Set<string>): void {
    const name = balancer.choose(tried);
    const backend = name === undefined ? undefined : backends.get(name)!;
    if (!backend) {
      logger.warn({ tried: [...tried] }, 'no master accepts connections; client refused');
      client.resetAndDestroy();
      return;
    }
    balancer.opened(backend.name);
    const upstream = connect({ host: backend.host, port: backend.port, allowHalfOpen: true, noDelay: true });
    const deadline = setTimeout(() => {
      upstream.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    let connected = false;
    const abandon = () => upstream.destroy();
    client.once('close', abandon);

    upstream.once('connect', () => {
      connected = true;
      clearTimeout(deadline);
      backend.clients.add(client);
      client.setKeepAlive(true, keepAliveMs);
      upstream.setKeepAlive(true, keepAliveMs);
      client.pipe(upstream);
      upstream.pipe(client);
    });
    upstream.on('error', (error) => {
      logger.debug({ backend: backend.name, error: error.message }, 'backend connection failed');
      if (!connected) eject(backend, `connect: ${error.message}`);
      else client.resetAndDestroy();
    });
    upstream.once('close', () => {
      clearTimeout(deadline);
      balancer.closed(backend.name);
      backend.clients.delete(client);
      client.off('close', abandon);
      if (connected) client.destroySoon();
      else if (!client.destroyed) forward(client, tried.add(backend.name));
    });
  }

  function eject(backend: Backend, reason: string): void {
    if (balancer.setHealthy(backend.name, false)) logger.warn({ backend: backend.name, reason }, 'backend ejected');
  }

  function observe(backend: Backend, health: Health): void {
    if (health.state === 'ready') {
      backend.unreachableSinceMs = undefined;
      if (balancer.setHealthy(backend.name, true)) logger.info({ backend: backend.name }, 'backend ready');
      return;
    }
    eject(backend, health.reason);
    if (health.state === 'unready') {
      backend.unreachableSinceMs = undefined;
      return;
    }
    const nowMs = performance.now();
    backend.unreachableSinceMs ??= nowMs;
    if (nowMs - backend.unreachableSinceMs < unresponsiveMs || backend.clients.size === 0) return;
    logger.warn({ backend: backend.name, connections: backend.clients.size }, 'backend silent; connections closed');
    for (const client of backend.clients) client.resetAndDestroy();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new Error(`listen on ${config.listen}: ${cause.message}; is another program using it?`, { cause }));
    });
    server.listen({ host: listen.host, port: listen.port }, resolve);
  });
  server.on('error', (error) => logger.error({ error: error.message }, 'listener failed'));
  const stopChecks = new Map<string, () => void>();
  const setBackends = (wanted: LoadBalancerConfig['backends']): void => {
    const next = wanted.map(({ name, address }) => ({ name, ...parseAddress(address) }));
    if (next.length === 0) throw new RangeError('load balancer: no backend is configured');
    for (const [name, { host, port }] of backends) {
      if (next.some((one) => one.name === name && one.host === host && one.port === port)) continue;
      stopChecks.get(name)?.();
      stopChecks.delete(name);
      backends.delete(name);
    }
    balancer.setNames([...backends.keys()]);
    balancer.setNames(next.map(({ name }) => name));
    for (const one of next) {
      if (backends.has(one.name)) continue;
      const backend: Backend = { ...one, clients: new Set(), unreachableSinceMs: undefined };
      backends.set(one.name, backend);
      const check = startHealthCheck({
        host: backend.host,
        port: backend.port,
        tls,
        intervalMs: config.checkIntervalMs ?? defaultCheckIntervalMs,
        timeoutMs: checkTimeoutMs,
        onResult: (health) => observe(backend, health),
      });
      stopChecks.set(one.name, check);
    }
  };
  setBackends(config.backends);
  const { port } = server.address() as AddressInfo;
  logger.info({ listen: `${listen.host}:${port}`, backends: config.backends }, 'load balancer started');

  return {
    host: listen.host,
    port,
    state: () => balancer.state(),
    setBackends,
    async close() {
      for (const stop of stopChecks.values()) stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
