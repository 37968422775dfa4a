/** A server about to stop: it still serves, and clients are asked to leave. */

import { connect } from 'node:http2';
import { Agent, request } from 'node:https';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';

let harness: HttpHarness;
let ready: string | undefined;

beforeEach(async () => {
  ready = undefined;
  harness = await startHttpHarness({ readiness: { shutdown: () => ready } });
});
afterEach(() => harness.stop());

test('drain: requests are served, each HTTP/1.1 answer closes its connection, and /readyz can say why', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = (path: string) =>
    new Promise<{ status: number; connection: string | undefined }>((resolve, reject) => {
      const target = { host: '127.0.0.1', port: harness.server.port, path, agent, ...harness.tlsOf('admin') };
      request(target, (response) => {
        response.resume();
        const { statusCode = 0, headers } = response;
        response.once('end', () => resolve({ status: statusCode, connection: headers.connection }));
      })
        .once('error', reject)
        .end();
    });
  expect(await get('/version')).toEqual({ status: 200, connection: 'keep-alive' });
  ready = 'this master is shutting down';
  harness.server.drain();
  expect(await get('/version')).toEqual({ status: 200, connection: 'close' });
  expect((await get('/readyz')).status).toBe(500);
  agent.destroy();
});

test('drain: an HTTP/2 session gets GOAWAY, what is under way on it ends well, and a new session is served too', async () => {
  const url = `https://127.0.0.1:${harness.server.port}`;
  const session = connect(url, harness.tlsOf('admin') as object);
  const statusOf = (stream: ReturnType<typeof session.request>) =>
    new Promise<number>((resolve, reject) => {
      stream.once('response', (headers) => resolve(Number(headers[':status'])));
      stream.once('error', reject);
      stream.resume();
    });
  expect(await statusOf(session.request({ ':path': '/version' }))).toBe(200);
  const goneAway = new Promise((resolve) => session.once('goaway', resolve));
  harness.server.drain();
  await goneAway;
  session.close();
  const { status } = await harness.call('GET', '/version');
  expect(status).toBe(200);
});
