/** A real HTTPS server on 127.0.0.1 with real certificates over the test API, and a small client for it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../lib/logger.ts';
import { adminCertificate, agentCertificate, masterCertificate, userCertificate } from '../../pki/identities.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { type ApiServerOptions, createApiServer } from '../http/server.ts';
import { createTestApi } from './test-api.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Name of the client certificate; `none` for no certificate. Default `admin`. */
  readonly as?: string;
}

export async function startHttpHarness(options: Partial<ApiServerOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'trimast-api-'));
  const pki = new PkiDirectory(folder);
  await pki.init('test');
  await pki.ensure('master', masterCertificate({ name: 'm1', addresses: [], clusterDomain: 'cluster.local' }));
  await pki.ensure('admin', adminCertificate);
  await pki.ensure('eve', userCertificate('eve', []));
  await pki.ensure('node1', agentCertificate('n1', ['127.0.0.1']));
  const testApi = await createTestApi({ policy: true });
  const server = createApiServer({
    api: testApi.api,
    tls: pki.files('master'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: silentLogger,
    ...options,
  });
  await server.listen();

  function tlsOf(as: string): RequestOptions {
    const { caFile, certFile, keyFile } = pki.files(as);
    const ca = readFileSync(caFile);
    return as === 'none' ? { ca } : { ca, cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }

  function call(method: string, path: string, { headers = {}, body, as = 'admin' }: CallOptions = {}): Promise<Answer> {
    const bytes = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    // Node.js frames the body of a DELETE only when told its length.
    const length = bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) };
    const all = { ...headers, ...length };
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: server.port, method, path, headers: all, agent: false, ...tlsOf(as) };
      const outgoing = request(target, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          const isJson = String(incoming.headers['content-type']).startsWith('application/json') && text !== '';
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text,
            bytes,
            body:
              isJson && !incoming.headers['content-encoding'] && !path.includes('watch=')
                ? JSON.parse(text)
                : undefined,
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  }

  /** Yields the events of a watch; ends it when the loop is left. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events freely
  async function* watch(path: string, headers: Record<string, string> = {}): AsyncGenerator<any> {
    const target = { host: '127.0.0.1', port: server.port, path, headers, agent: false, ...tlsOf('admin') };
    const incoming = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      request(target, resolve).on('error', reject).end();
    });
    let rest = '';
    for await (const chunk of incoming) {
      rest += chunk;
      for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
        yield JSON.parse(rest.slice(0, at));
        rest = rest.slice(at + 1);
      }
    }
  }

  async function stop(): Promise<void> {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }

  return { ...testApi, server, pki, tlsOf, call, watch, stop };
}

export type HttpHarness = Awaited<ReturnType<typeof startHttpHarness>>;
