/** Answers on a master's API address while it has no state: 503 with the reason, so that nobody is served and everybody can see why. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { TlsFiles } from '../../lib/grpc.ts';

export interface StandIn {
  close(): Promise<void>;
}

const retryAfterSeconds = 1;

export async function startStandIn(
  listen: { readonly host: string; readonly port: number },
  tls: TlsFiles,
  describe: () => { readonly reason: string; readonly status: object },
): Promise<StandIn> {
  const server = createServer(
    {
      ca: readFileSync(tls.caFile),
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    },
    (request, response) => {
      const { reason, status } = describe();
      const path = request.url?.split('?')[0] ?? '';
      const headers = { 'retry-after': String(retryAfterSeconds), connection: 'close' };
      if (path.startsWith('/readyz')) {
        response.writeHead(500, { ...headers, 'content-type': 'text/plain; charset=utf-8' });
        response.end(`[+]ping ok\n[-]state failed: ${reason}\nreadyz check failed\n`);
      } else if (path === '/livez' || path === '/healthz') {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
      } else if (path === '/debug/status' && (request.socket as { authorized?: boolean }).authorized) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(status));
      } else {
        const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason };
        response.writeHead(503, { ...headers, 'content-type': 'application/json' });
        response.end(JSON.stringify({ ...body, reason: 'ServiceUnavailable', code: 503 }));
      }
    },
  );
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
