import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { agentCertificate, masterCertificate } from '../../pki/identities.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import type { StreamingProxy, UpgradeSubresource } from '../streaming-types.ts';
import type { RequestContext } from '../types.ts';
import { AgentClient, createStreamingProxy } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tt-proxy-'));
const pki = new PkiDirectory(join(folder, 'pki'));
const context: RequestContext = { user: { name: 'jane', groups: [] } };

let agent: HttpsServer;
let agentPort: number;
let front: Server;
let frontUrl: string;
let proxy: StreamingProxy;
let pod: Pod;
let node: Node;
/** What the agent was asked: method, path with query, caller's organizations, headers. */
let asked: { method: string; url: string; organizations: unknown; headers: IncomingMessage['headers'] }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let upgraded: (socket: Duplex) => void;
let frontFailure: Promise<unknown> | undefined;

function tlsOf(name: string) {
  const files = pki.files(name);
  return { ca: readFileSync(files.caFile), cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
}

beforeAll(async () => {
  await pki.init('test');
  await pki.ensure('node', agentCertificate('worker-1', ['127.0.0.1']));
  await pki.ensure(
    'master',
    masterCertificate({ name: 'm1', addresses: ['127.0.0.1'], clusterDomain: 'cluster.local' }),
  );
  const note = (call: IncomingMessage) => {
    const subject = (call.socket as TLSSocket).getPeerCertificate().subject as { O?: unknown };
    asked.push({ method: call.method!, url: call.url!, organizations: subject.O, headers: call.headers });
  };
  agent = createHttpsServer({ ...tlsOf('node'), requestCert: true }, (call, response) => {
    note(call);
    answer(call, response);
  });
  agent.on('upgrade', (call: IncomingMessage, socket: Duplex) => {
    note(call);
    socket.on('error', () => undefined);
    upgraded(socket);
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  agentPort = (agent.address() as AddressInfo).port;

  proxy = createStreamingProxy({
    findNode: async (name) => {
      if (name !== node.metadata?.name) throw new ApiError('NotFound', `nodes "${name}" not found`);
      return node;
    },
    agents: new AgentClient(pki.files('master')),
  });
  front = createHttpServer((call, response) => {
    proxy.handleLog(context, pod, call, response).catch((error: ApiError) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(error.code).end(JSON.stringify(error.toStatus()));
    });
  });
  front.on('upgrade', (call, socket, head) => {
    const subresource = call.url!.slice(1).split('?')[0] as UpgradeSubresource | 'log';
    const exchange =
      subresource === 'log'
        ? proxy.handleLogUpgrade(context, pod, call, socket, head)
        : proxy.handleUpgrade(context, pod, subresource, call, socket, head);
    frontFailure = exchange.catch((error: unknown) => {
      socket.destroy();
      return error;
    });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  frontUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
});
afterAll(() => {
  front.closeAllConnections();
  front.close();
  agent.closeAllConnections();
  agent.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  asked = [];
  frontFailure = undefined;
  answer = (_call, response) => response.end('line\n');
  pod = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'worker-1', containers: [{ name: 'main' }] },
  };
  node = {
    metadata: { name: 'worker-1' },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: agentPort } },
    },
  };
});

async function log(query = ''): Promise<{ code: number; body: string }> {
  const [response] = await once(request(`${frontUrl}/log${query}`).end(), 'response');
  return { code: response.statusCode, body: await text(response) };
}

async function message(query = ''): Promise<[number, string]> {
  const { code, body } = await log(query);
  return [code, JSON.parse(body).message];
}

describe('logs', () => {
  test('are fetched from the agent of the node with the certificate of this master', async () => {
    expect(await log('?follow=true&tailLines=5')).toEqual({ code: 200, body: 'line\n' });
    expect(asked[0]).toMatchObject({ method: 'GET', url: '/containerLogs/default/web/main?follow=true&tailLines=5' });
    expect(asked[0]?.organizations).toContain('system:masters');
  });

  test('reach an HTTP/2 client too', async () => {
    const server = createSecureServer(tlsOf('master'), (call, response) => {
      proxy.handleLog(context, pod, call, response).catch(() => response.stream.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connectHttp2(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      ca: tlsOf('master').ca,
    });
    expect(await text(session.request({ ':path': '/log' }))).toBe('line\n');
    session.close();
    server.close();
  });

  test('an error of the agent keeps its Status', async () => {
    answer = (_call, response) => {
      const status = new ApiError(
        'BadRequest',
        'container "main" in pod "web" is waiting to start: ContainerCreating',
      ).toStatus();
      response.writeHead(400).end(JSON.stringify(status));
    };
    expect(await message()).toEqual([400, 'container "main" in pod "web" is waiting to start: ContainerCreating']);
  });

  test('a refusal of our own certificate is not blamed on the caller', async () => {
    answer = (_call, response) =>
      response.writeHead(403).end(JSON.stringify(new ApiError('Forbidden', 'no').toStatus()));
    expect((await log()).code).toBe(500);
  });

  test('a client that goes away ends the request to the agent', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_call, response) => {
      response.write('first\n');
      response.once('close', closed.resolve);
    };
    const [response] = await once(request(`${frontUrl}/log?follow=true`).end(), 'response');
    await once(response, 'data');
    response.destroy();
    await closed.promise;
  });

  test('a pod that is not scheduled has none', async () => {
    pod = { ...pod, spec: { containers: [{ name: 'main' }] } };
    expect(await log()).toEqual({ code: 200, body: '' });
  });
});

describe('logs over WebSocket', () => {
  async function messages(protocols: string[]): Promise<{ protocol: string; messages: (string | Buffer)[] }> {
    const socket = new WebSocket(`${frontUrl}/log?tailLines=5`, protocols);
    const messages: (string | Buffer)[] = [];
    socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : data.toString()));
    await once(socket, 'close');
    return { protocol: socket.protocol, messages };
  }

  test('are binary messages, after an empty one', async () => {
    const binary = [Buffer.alloc(0), Buffer.from('line\n')];
    expect(await messages(['binary.k8s.io'])).toEqual({ protocol: 'binary.k8s.io', messages: binary });
    expect(await messages([])).toEqual({ protocol: '', messages: binary });
    expect(asked[0]?.url).toBe('/containerLogs/default/web/main?tailLines=5');
  });

  test('are base64 in text messages where asked for', async () => {
    const text = ['', Buffer.from('line\n').toString('base64')];
    expect(await messages(['base64.binary.k8s.io'])).toEqual({ protocol: 'base64.binary.k8s.io', messages: text });
  });

  test('in another subprotocol are a BadRequest', async () => {
    await once(new WebSocket(`${frontUrl}/log`, ['v5.channel.k8s.io']), 'error');
    expect(await frontFailure).toMatchObject({ reason: 'BadRequest' });
  });

  test('that the agent refuses are refused before the upgrade', async () => {
    answer = (_call, response) =>
      response.writeHead(400).end(JSON.stringify(new ApiError('BadRequest', 'waiting to start').toStatus()));
    await once(new WebSocket(`${frontUrl}/log`), 'error');
    expect(await frontFailure).toMatchObject({ reason: 'BadRequest', message: 'waiting to start' });
  });

  test('a client that goes away ends the request to the agent', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_call, response) => {
      response.write('first\n');
      response.once('close', closed.resolve);
    };
    const socket = new WebSocket(`${frontUrl}/log?follow=true`);
    await once(socket, 'message');
    socket.terminate();
    await closed.promise;
  });
});

describe('the container', () => {
  const containers = [{ name: 'a' }, { name: 'b' }];

  test('must be named when there are several', async () => {
    pod = { ...pod, spec: { nodeName: 'worker-1', containers, initContainers: [{ name: 'i' }] } };
    expect(await message()).toEqual([
      400,
      'a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]',
    ]);
  });

  test('is the annotated one by default', async () => {
    const annotations = { 'kubectl.kubernetes.io/default-container': 'b' };
    pod = { metadata: { ...pod.metadata, annotations }, spec: { nodeName: 'worker-1', containers } };
    await log();
    expect(asked[0]?.url).toContain('/containerLogs/default/web/b');
  });

  test('must exist; init containers do', async () => {
    pod = { ...pod, spec: { nodeName: 'worker-1', containers, initContainers: [{ name: 'i' }] } };
    expect(await message('?container=nope')).toEqual([400, 'container nope is not valid for pod web']);
    expect((await log('?container=i')).code).toBe(200);
  });
});

describe('the node', () => {
  test('that is gone is a 503', async () => {
    node = { ...node, metadata: { name: 'other' } };
    expect(await message()).toEqual([503, 'node "worker-1" of pod "web" does not exist']);
  });

  test('whose agent does not answer is a 503 that says where', async () => {
    node = { ...node, status: { ...node.status, daemonEndpoints: { kubeletEndpoint: { Port: 1 } } } };
    const [code, why] = await message();
    expect(code).toBe(503);
    expect(why).toContain('cannot reach the agent of node "worker-1" at 127.0.0.1:1: connect ECONNREFUSED');
  });

  test('must prove its name', async () => {
    node = { ...node, metadata: { name: 'worker-2' } };
    pod = { ...pod, spec: { nodeName: 'worker-2', containers: [{ name: 'main' }] } };
    const [code, why] = await message();
    expect(code).toBe(503);
    expect(why).toContain('certificate is of "system:node:worker-1", not of node "worker-2"');
  });
});

describe('upgrades', () => {
  const upgrade = (path: string, headers: Record<string, string> = {}) =>
    request(`${frontUrl}/${path}`, {
      method: 'POST',
      headers: {
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        'x-stream-protocol-version': 'v4.channel.k8s.io',
        ...headers,
      },
    }).end();

  test('bytes pass both ways, and only what the agent needs of the headers', async () => {
    upgraded = (socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nearly ',
      );
      socket.pipe(socket);
    };
    const call = upgrade('exec?command=ls&command=-l&container=main&stdout=true', { authorization: 'Bearer secret' });
    const [response, socket, head] = (await once(call, 'upgrade')) as [IncomingMessage, Duplex, Buffer];
    expect(response.headers).toMatchObject({ upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' });
    if (head.length > 0) socket.unshift(head);
    socket.end('late');
    expect(await text(socket)).toBe('early late');
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: '/exec/default/web/main?command=ls&command=-l&container=main&stdout=true',
    });
    expect(asked[0]?.headers.authorization).toBeUndefined();
    expect(await frontFailure).toBeUndefined();
  });

  test('port-forward names no container', async () => {
    upgraded = (socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    const [, socket] = (await once(upgrade('portforward'), 'upgrade')) as [IncomingMessage, Duplex];
    socket.resume();
    await frontFailure;
    expect(asked[0]?.url).toBe('/portForward/default/web?');
  });

  test('a refusal of the agent is thrown before anything is written', async () => {
    upgraded = (socket) => {
      const body = JSON.stringify(new ApiError('NotFound', 'container not found ("main")').toStatus());
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    };
    const call = upgrade('attach?stdout=true');
    await once(call, 'error');
    expect(await frontFailure).toMatchObject({ reason: 'NotFound', message: 'container not found ("main")' });
  });

  test('a pod without a node is a BadRequest', async () => {
    pod = { ...pod, spec: { containers: [{ name: 'main' }] } };
    await once(upgrade('exec?command=ls'), 'error');
    expect(await frontFailure).toMatchObject({
      reason: 'BadRequest',
      message: 'pod web does not have a host assigned',
    });
  });
});
