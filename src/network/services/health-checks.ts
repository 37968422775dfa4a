/** Answers load balancers on health-check node ports: 200 where this node has ready endpoints of the Service, else 503. */
import { createServer, type Server } from 'node:http';
import type { Logger } from '../../lib/logger.ts';
import type { HealthCheck } from './planner.ts';

const requestTimeoutMs = 5_000;
const maxConnections = 64;

export class HealthCheckServers {
  readonly #logger: Logger;
  readonly #servers = new Map<number, Server>();
  #checks: ReadonlyMap<number, HealthCheck> = new Map();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  update(checks: ReadonlyMap<number, HealthCheck>): void {
    this.#checks = checks;
    for (const [port, server] of this.#servers) {
      if (checks.has(port)) continue;
      this.#servers.delete(port);
      server.close();
      server.closeAllConnections();
    }
    for (const port of checks.keys()) if (!this.#servers.has(port)) this.#listen(port);
  }

  stop(): void {
    this.update(new Map());
  }

  #listen(port: number): void {
    const server = createServer({ requestTimeout: requestTimeoutMs, keepAliveTimeout: 0 }, (_, response) => {
      const check = this.#checks.get(port);
      const { namespace, name, localEndpoints = 0 } = check ?? {};
      response.writeHead(localEndpoints > 0 ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }));
    });
    server.maxConnections = maxConnections;
    server.on('error', (error) => {
      this.#logger.warn({ port, reason: error.message }, 'no health checks on this node port');
      if (this.#servers.get(port) === server) this.#servers.delete(port);
    });
    this.#servers.set(port, server);
    server.listen(port);
  }
}
