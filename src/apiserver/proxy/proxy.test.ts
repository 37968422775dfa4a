/** The proxy subresources over a real listener: pods and Services that answer on 127.0.0.1. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, request, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources } from '../../api/types.ts';
import { AgentClient } from '../streaming/index.ts';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import type { createTestApi } from '../testing/test-api.ts';
import { createResourceProxy, podDialer, type ResourceProxy } from './index.ts';

let upstream: Server;
let tlsUpstream: TlsServer;
let h: HttpHarness;
let proxy: ResourceProxy;
let port: number;
let tlsPort: number;
const seen: IncomingMessage[] = [];

beforeAll(async () => {
  const late: ResourceProxy = {
    handle: (...args) => proxy.handle(...args),
    handleUpgrade: (...args) => proxy.handleUpgrade(...args),
  };
  h = await startHttpHarness({ proxy: late });
  const agents = new AgentClient(h.pki.files('master'));
  const findNode = () => Promise.reject(new Error('there are no nodes'));
  proxy = createResourceProxy({ client: h.client, agents, dial: podDialer(agents, findNode), random: () => 0 });
  const listener = async (incoming: IncomingMessage, response: ServerResponse) => {
    seen.push(incoming);
    if (incoming.url === '/page') {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<a href="/next">é</a>');
    } else if (incoming.url === '/away') {
      response.writeHead(302, { location: '/there' }).end();
    } else {
      response.writeHead(418, { 'x-own': 'yes' }).end(`${incoming.method} ${incoming.url} ${await text(incoming)}`);
    }
  };
  upstream = createServer(listener);
  upstream.on('upgrade', (incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(`${incoming.url}|`);
    socket.pipe(socket);
  });
  const { certFile, keyFile } = h.pki.files('master');
  tlsUpstream = createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, listener);
  for (const server of [upstream, tlsUpstream]) await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (upstream.address() as AddressInfo).port;
  tlsPort = (tlsUpstream.address() as AddressInfo).port;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' } };
  const containers = [{ name: 'c', image: 'i', ports: [{ containerPort: port }] }];
  const made = await h.client.create(resources.pods, { ...pod, spec: { containers } } as never);
  await h.client.update(resources.pods, { ...(made as object), status: { podIP: '127.0.0.1' } } as never, 'status');
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' } };
  await h.client.create(resources.services, {
    ...service,
    spec: {
      ports: [
        { name: 'web', port: 80 },
        { name: 'tls', port: 443 },
      ],
    },
  } as never);
  await h.client.create({ group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' }, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [
      { name: 'web', port },
      { name: 'tls', port: tlsPort },
    ],
  } as never);
  const slices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
  // The API refuses loopback addresses of endpoints, and that is what there is here.
  const list = h.client.list.bind(h.client);
  proxy = createResourceProxy({
    agents,
    dial: podDialer(agents, findNode),
    random: () => 0,
    client: {
      ...bound(h.client),
      async list(resource: typeof slices, options: object) {
        const listed = await list(resource, options);
        const text = JSON.stringify(listed.items).replaceAll('10.0.0.1', '127.0.0.1');
        return { ...listed, items: JSON.parse(text) };
      },
    } as never,
  });
});

function bound(client: Awaited<ReturnType<typeof createTestApi>>['client']) {
  return { get: client.get.bind(client), create: client.create.bind(client) };
}

afterAll(async () => {
  upstream.close();
  tlsUpstream.close();
  await h.stop();
});

const root = '/api/v1/namespaces/default';

test('any verb, path, query and body reach the pod, and no credentials', async () => {
  const answer = await h.call('PATCH', `${root}/pods/p/proxy/a%20b/?q=1`, {
    body: 'hi',
    headers: { authorization: 'Basic x', 'content-type': 'text/plain' },
  });
  expect(answer.status).toBe(418);
  expect(answer.headers['x-own']).toBe('yes');
  expect(answer.text).toBe('PATCH /a%20b/?q=1 hi');
  expect(seen.at(-1)?.headers.authorization).toBeUndefined();
});

test('a read of the bare subresource is sent to its root', async () => {
  const answer = await h.call('GET', `${root}/pods/p:${port}/proxy?x=1`);
  expect([answer.status, answer.headers.location]).toEqual([301, `${root}/pods/p:${port}/proxy/?x=1`]);
});

test('links and redirects lead back through the proxy', async () => {
  expect((await h.call('GET', `${root}/pods/p/proxy/page`)).text).toBe(`<a href="${root}/pods/p/proxy/next">é</a>`);
  expect((await h.call('GET', `${root}/pods/p/proxy/away`)).headers.location).toBe(`${root}/pods/p/proxy/there`);
});

test('services by port name, port number and scheme', async () => {
  for (const name of ['s:web', 's:80', 'https:s:tls', 'https:s:443']) {
    expect((await h.call('GET', `${root}/services/${name}/proxy/x`)).text).toBe('GET /x ');
  }
  const missing = await h.call('GET', `${root}/services/s/proxy/x`);
  expect([missing.status, missing.body.message]).toEqual([503, 'no endpoints available for service "s"']);
});

test('what cannot be reached is told', async () => {
  const answer = await h.call('GET', `${root}/pods/p:1/proxy/`);
  expect([answer.status, answer.body.reason]).toEqual([503, 'ServiceUnavailable']);
  expect(answer.body.message).toContain('error trying to reach service: dial tcp 127.0.0.1:1');
});

test('authorized as the verb on the subresource', async () => {
  const answer = await h.call('POST', `${root}/pods/p/proxy/x`, { as: 'eve', body: '{}' });
  expect([answer.status, answer.body.message]).toEqual([
    403,
    'pods "p" is forbidden: User "eve" cannot create resource "pods/proxy" in API group "" in the namespace "default"',
  ]);
});

test('upgraded connections pass through', async () => {
  const outgoing = request({
    host: '127.0.0.1',
    port: h.server.port,
    path: `${root}/pods/p/proxy/ws?a=b`,
    headers: { connection: 'Upgrade', upgrade: 'echo' },
    ...h.tlsOf('admin'),
  }).end();
  const [answer, socket] = await once(outgoing, 'upgrade');
  expect(answer.headers.upgrade).toBe('echo');
  socket.write('ping');
  let read = '';
  for await (const chunk of socket) {
    read += chunk;
    if (read.includes('ping')) break;
  }
  expect(read).toBe('/ws?a=b|ping');
});
