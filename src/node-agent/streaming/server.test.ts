import { on, once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';
import type { Status } from '../../api/status.ts';
import { silentLogger } from '../../lib/logger.ts';
import { SpdySession } from '../../lib/spdy/index.ts';
import { agentCertificate, masterCertificate, userCertificate } from '../../pki/identities.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import type { ContainerTarget, PodLookup } from '../pod-lookup.ts';
import type { ExecRequest } from './exec.ts';
import { exitOutcome } from './outcome.ts';
import type { ProcessStreams } from './process-streams.ts';
import { type StreamingServer, startStreamingServer } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'tt-streaming-'));
const logPath = join(folder, '0.log');
const pki = new PkiDirectory(join(folder, 'pki'));

let container: ContainerTarget;
const listeners = new Set<() => void>();
const changeContainer = (change: Partial<ContainerTarget>) => {
  container = { ...container, ...change };
  for (const listener of listeners) listener();
};
const pods: PodLookup = {
  hollow: false,
  findPod: (namespace, name) =>
    namespace === 'default' && name === 'web'
      ? {
          namespace,
          name,
          uid: 'u1',
          hostNetwork: false,
          sandboxId: 's1',
          podIp: '127.0.0.1',
          containers: [container],
          defaultContainer: 'main',
        }
      : undefined,
  findContainer: (namespace, pod, name) =>
    namespace === 'default' && pod === 'web' && name === 'main' ? container : undefined,
  subscribe(_uid, onChange) {
    listeners.add(onChange);
    return () => listeners.delete(onChange);
  },
};

let commands: ExecRequest[] = [];
let resizes: unknown[] = [];
let aborted: Promise<unknown> | undefined;
/** Answers like a shell that knows four commands. */
async function run(command: ExecRequest, streams: ProcessStreams): Promise<Status> {
  commands.push(command);
  streams.onResize((size) => resizes.push(size));
  switch (command.command[0]) {
    case 'cat':
      for await (const chunk of streams.stdin!.iterator({ destroyOnReturn: false }))
        if (!streams.stdout!.write(chunk)) await once(streams.stdout!, 'drain');
      return exitOutcome(0);
    case 'fail':
      streams.stderr!.write('it failed\n');
      return exitOutcome(3);
    case 'hang':
      aborted = once(streams.signal, 'abort');
      await aborted;
      return exitOutcome(137);
    default:
      throw new Error(`"${command.command[0]}": executable file not found in $PATH`);
  }
}

let relayTo: number;
let forwardedPorts: readonly number[] = [];
let server: StreamingServer;
beforeAll(async () => {
  await pki.init('test');
  await pki.ensure('node', agentCertificate('node', ['127.0.0.1']));
  await pki.ensure(
    'master',
    masterCertificate({ name: 'm1', addresses: ['127.0.0.1'], clusterDomain: 'cluster.local' }),
  );
  await pki.ensure('stranger', userCertificate('jane', ['developers']));
  server = await startStreamingServer({
    address: '127.0.0.1',
    port: 0,
    tls: pki.files('node'),
    pods,
    containerd: undefined,
    backend: {
      executor: { exec: run },
      streaming: {
        attach: () => Promise.reject(new Error('not in this test')),
        // A runtime whose SPDY server answers every stream with what it says.
        async portForward(_sandboxId, ports, headers) {
          if (headers.upgrade === 'websocket') {
            forwardedPorts = ports;
            const call = plainRequest({
              port: relayTo,
              host: '127.0.0.1',
              headers: { connection: 'Upgrade', ...headers },
            }).end();
            const [response, socket] = await once(call, 'upgrade');
            return { socket, headers: response.headers };
          }
          const [ours, theirs] = duplexPair() as unknown as [Duplex, Duplex];
          new SpdySession(theirs, {
            role: 'server',
            onStream: (stream) => stream.on('error', () => undefined).pipe(stream),
          });
          return { socket: ours, headers: {} };
        },
      },
    },
    logger: silentLogger,
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function options(path: string, user: string | null) {
  const identity = user && { cert: readFileSync(pki.files(user).certFile), key: readFileSync(pki.files(user).keyFile) };
  return {
    host: '127.0.0.1',
    port: server.port,
    path,
    ca: readFileSync(pki.files('node').caFile),
    agent: false as const,
    ...identity,
  };
}

async function get(path: string, user: string | null = 'master'): Promise<IncomingMessage> {
  const [response] = await once(request(options(path, user)).end(), 'response');
  return response;
}

function resetContainer(): void {
  commands = [];
  resizes = [];
  container = {
    podUid: 'u1',
    container: 'main',
    kind: 'regular',
    state: 'running',
    containerId: 'c1',
    logPath,
    tty: false,
    stdin: false,
    stdinOnce: false,
  };
}

describe('callers', () => {
  test('without a certificate: 401', async () => expect((await get('/healthz', null)).statusCode).toBe(401));
  test('with a certificate of someone else: 403', async () =>
    expect((await get('/healthz', 'stranger')).statusCode).toBe(403));
  test('with the certificate of another node: 403', async () =>
    expect((await get('/healthz', 'node')).statusCode).toBe(403));
  test('a master is served', async () => expect(await text(await get('/healthz'))).toBe('ok'));
  test('an unknown path is a 404', async () => expect((await get('/secrets')).statusCode).toBe(404));
  test('an upgrade without a certificate is refused with 401', async () => {
    const call = request({
      ...options('/exec/default/web/main?command=cat&stdout=true', null),
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
    });
    const [response] = await once(call.end(), 'response');
    expect(response.statusCode).toBe(401);
  });
});

describe('logs', () => {
  const line = (n: number, tag = 'F', stream = 'stdout') =>
    `2026-01-02T03:04:0${n}.000000000Z ${stream} ${tag} line${n}\n`;
  const logs = async (query = '') => text(await get(`/containerLogs/default/web/main${query}`));

  test('parts are joined and streams are not told apart', async () => {
    resetContainer();
    writeFileSync(logPath, line(1) + line(2, 'P') + line(3, 'F') + line(4, 'F', 'stderr'));
    expect(await logs()).toBe('line1\nline2line3\nline4\n');
  });

  test('timestamps, tailLines, sinceTime and limitBytes do what they say', async () => {
    resetContainer();
    writeFileSync(logPath, line(1) + line(2, 'P') + line(3) + line(4));
    expect(await logs('?tailLines=2')).toBe('line2line3\nline4\n');
    expect(await logs('?tailLines=0')).toBe('');
    expect(await logs('?tailLines=1&timestamps=true')).toBe('2026-01-02T03:04:04.000000000Z line4\n');
    expect(await logs('?sinceTime=2026-01-02T03:04:04Z')).toBe('line4\n');
    expect(await logs('?limitBytes=8')).toBe('line1\nli');
  });

  test('the previous attempt is served when it is kept, and a 400 when it is not', async () => {
    resetContainer();
    const missing = await get('/containerLogs/default/web/main?previous=true');
    expect([missing.statusCode, JSON.parse(await text(missing)).message]).toEqual([
      400,
      'previous terminated container "main" in pod "web" not found',
    ]);
    const previousLogPath = join(folder, 'previous.log');
    writeFileSync(previousLogPath, line(7));
    changeContainer({ previousLogPath });
    expect(await logs('?previous=true')).toBe('line7\n');
  });

  test('a container that has not started is a 400 with the reason', async () => {
    const { logPath: _logPath, ...rest } = container;
    container = { ...rest, state: 'waiting', waitingReason: 'ImagePullBackOff' };
    const response = await get('/containerLogs/default/web/main');
    expect([response.statusCode, JSON.parse(await text(response)).message]).toEqual([
      400,
      'container "main" in pod "web" is waiting to start: trying and failing to pull image',
    ]);
  });

  test('follow goes on through a rotation and ends after the container has', async () => {
    resetContainer();
    writeFileSync(logPath, line(1));
    const response = await get('/containerLogs/default/web/main?follow=true');
    let received = '';
    const until = async (end: string) => {
      while (!received.endsWith(end)) received += String((await once(response, 'data'))[0]);
    };
    await until('line1\n');
    appendFileSync(logPath, line(2));
    await until('line2\n');
    appendFileSync(logPath, line(3));
    renameSync(logPath, `${logPath}.20260102`);
    writeFileSync(logPath, line(4));
    await until('line4\n');
    appendFileSync(logPath, line(5));
    changeContainer({ state: 'terminated' });
    received += await text(response);
    expect(received).toBe('line1\nline2\nline3\nline4\nline5\n');
    expect(listeners.size).toBe(0);
  });

  test('a follower that goes away is forgotten', async () => {
    resetContainer();
    writeFileSync(logPath, line(1));
    const response = await get('/containerLogs/default/web/main?follow=true');
    await once(response, 'data');
    expect(listeners.size).toBe(1);
    response.destroy();
    while (listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

function execSocket(query: string, subprotocol = 'v5.channel.k8s.io', path = '/exec/default/web/main'): WebSocket {
  const { cert, key, ca } = options('', 'master') as { cert: Buffer; key: Buffer; ca: Buffer };
  return new WebSocket(`wss://127.0.0.1:${server.port}${path}?${query}`, subprotocol, { cert, key, ca });
}

/** Everything received until the close, joined per channel. */
async function received(socket: WebSocket): Promise<Record<number, string>> {
  const channels: Record<number, string> = {};
  socket.on('message', (message: Buffer) => {
    channels[message[0]!] = (channels[message[0]!] ?? '') + message.subarray(1).toString();
  });
  await once(socket, 'close');
  return channels;
}

const message = (channel: number, payload: string | Buffer) =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]);

describe('exec over WebSocket', () => {
  test('v5: input, its half-close, output and success', async () => {
    resetContainer();
    const socket = execSocket('command=cat&command=-&stdin=true&stdout=true');
    await once(socket, 'open');
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    const end = received(socket);
    const payload = 'x'.repeat(300_000);
    socket.send(message(0, payload));
    socket.send(message(255, Buffer.from([0])));
    const channels = await end;
    expect(channels[1]).toBe(payload);
    expect(JSON.parse(channels[3]!)).toEqual({ metadata: {}, status: 'Success' });
    expect(commands).toEqual([{ containerId: 'c1', command: ['cat', '-'], tty: false }]);
  });

  test('v4: a non-zero exit code is told with its cause', async () => {
    resetContainer();
    const socket = execSocket('command=fail&stdout=true&stderr=true', 'v4.channel.k8s.io');
    const channels = await received(socket);
    expect(channels[2]).toBe('it failed\n');
    const status = JSON.parse(channels[3]!);
    expect([status.reason, status.details.causes]).toEqual(['NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]]);
  });

  test('before v4: success says nothing, failure is a text', async () => {
    resetContainer();
    const socket = execSocket('command=cat&stdin=true&stdout=true', 'channel.k8s.io');
    await once(socket, 'open');
    expect(socket.protocol).toBe('channel.k8s.io');
    const failed = await received(execSocket('command=fail&stdout=true&stderr=true', 'channel.k8s.io'));
    expect(failed).toEqual({ 1: '', 2: 'it failed\n', 3: expect.stringContaining('3') });
    expect(failed[3]).not.toContain('{');
    socket.terminate();
  });

  test.each(['v4.base64.channel.k8s.io', 'base64.channel.k8s.io'])('%s: text of digit and base64', async (protocol) => {
    resetContainer();
    const socket = execSocket('command=fail&stdout=true&stderr=true', protocol);
    const messages: string[] = [];
    socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? 'binary' : data.toString()));
    await once(socket, 'close');
    expect(messages.slice(0, 2)).toEqual(['1', `2${Buffer.from('it failed\n').toString('base64')}`]);
    expect(messages[2]?.[0]).toBe('3');
  });

  test('base64 input is decoded', async () => {
    resetContainer();
    const socket = execSocket('command=cat&stdin=true&stdout=true', 'base64.channel.k8s.io');
    await once(socket, 'open');
    socket.send(`0${Buffer.from('ping').toString('base64')}`);
    const messages: string[] = [];
    for await (const [data] of on(socket, 'message')) {
      messages.push(String(data));
      if (messages.length === 2) break;
    }
    expect(messages).toEqual(['1', `1${Buffer.from('ping').toString('base64')}`]);
    socket.terminate();
  });

  test('a command that cannot start is an InternalError on the error channel', async () => {
    resetContainer();
    const channels = await received(execSocket('command=nope&stdout=true'));
    const status = JSON.parse(channels[3]!);
    expect([status.reason, status.message]).toEqual([
      'InternalError',
      'Internal error occurred: error executing command in container: "nope": executable file not found in $PATH',
    ]);
  });

  test('resizes reach the terminal, and tty has no stderr', async () => {
    resetContainer();
    const socket = execSocket('command=cat&stdin=true&stdout=true&stderr=true&tty=true');
    await once(socket, 'open');
    const end = received(socket);
    socket.send(message(4, '{"Width":120,"Height":40}'));
    socket.send(message(4, 'nonsense'));
    socket.send(message(255, Buffer.from([0])));
    await end;
    expect(resizes).toEqual([{ width: 120, height: 40 }]);
    expect(commands[0]?.tty).toBe(true);
  });

  test('a client that goes away aborts the command', async () => {
    resetContainer();
    const socket = execSocket('command=hang&stdin=true&stdout=true');
    await once(socket, 'open');
    while (!aborted) await new Promise((resolve) => setImmediate(resolve));
    socket.terminate();
    await aborted;
  });

  test('a container that is not running is refused before the upgrade', async () => {
    resetContainer();
    changeContainer({ state: 'terminated' });
    const [, response] = await once(execSocket('command=cat&stdout=true'), 'unexpected-response');
    expect(response.statusCode).toBe(404);
  });
});

async function upgradeSpdy(path: string, protocol: string): Promise<Duplex> {
  const call = request({
    ...options(path, 'master'),
    method: 'POST',
    headers: {
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': `${protocol}, v3.channel.k8s.io`,
    },
  });
  const [response, socket] = await once(call.end(), 'upgrade');
  expect(response.headers['x-stream-protocol-version']).toBe(protocol);
  return socket;
}

describe('SPDY/3.1', () => {
  test('exec: streams by type, half-close, Status on the error stream', async () => {
    resetContainer();
    const connection = await upgradeSpdy(
      '/exec/default/web/main?command=cat&stdin=true&stdout=true',
      'v4.channel.k8s.io',
    );
    const session = new SpdySession(connection, { role: 'client' });
    const [error, stdin, stdout] = ['error', 'stdin', 'stdout'].map((streamtype) => session.openStream({ streamtype }));
    stdin!.end('hello');
    const [output, outcome] = await Promise.all([text(stdout!), text(error!)]);
    expect([output, JSON.parse(outcome)]).toEqual(['hello', { metadata: {}, status: 'Success' }]);
    await session.closed;
  });

  test('port-forward: carried to the runtime', async () => {
    resetContainer();
    const session = new SpdySession(await upgradeSpdy('/portForward/default/web', 'portforward.k8s.io'), {
      role: 'client',
    });
    const stream = session.openStream({ streamtype: 'data', port: '80', requestid: '0' });
    stream.write('ping');
    expect(String((await once(stream, 'data'))[0])).toBe('ping');
    session.destroy();
  });

  test('port-forward inside WebSocket, under the subprotocol that is no token', async () => {
    resetContainer();
    const socket = execSocketRaw('/portForward/default/web');
    const [response, connection, head] = (await once(socket, 'upgrade')) as [IncomingMessage, Duplex, Buffer];
    expect(response.headers['sec-websocket-protocol']).toBe('SPDY/3.1+portforward.k8s.io');
    const session = new SpdySession(clientWebSocketStream(connection, head), { role: 'client' });
    const stream = session.openStream({ streamtype: 'data', port: '80', requestid: '0' });
    stream.write('ping');
    expect(String((await once(stream, 'data'))[0])).toBe('ping');
    session.destroy();
  });
});

test("port-forward over WebSocket channels: the ports must be valid, and the handshake is the runtime's", async () => {
  const bad = execSocket('ports=80,none', 'v4.channel.k8s.io', '/portForward/default/web');
  const [, response] = await once(bad, 'unexpected-response');
  expect(JSON.parse(await text(response)).message).toBe(
    'query parameter ports: "80,none" is not a list of 1 to 32 ports',
  );

  const runtime = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'v4.channel.k8s.io' });
  await once(runtime, 'listening');
  runtime.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  relayTo = (runtime.address() as AddressInfo).port;
  const socket = execSocket('ports=80&ports=81', 'v4.channel.k8s.io', '/portForward/default/web');
  await once(socket, 'open');
  socket.send('ping');
  expect(String((await once(socket, 'message'))[0])).toBe('ping');
  expect(forwardedPorts).toEqual([80, 81]);
  socket.close();
  await once(socket, 'close');
  runtime.close();
});

test('a TCP connection to a port of a pod, byte for byte', async () => {
  const echo = createTcpServer((socket) => socket.pipe(socket));
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  const { port } = echo.address() as AddressInfo;
  const headers = { connection: 'Upgrade', upgrade: 'trimast-tcp' };
  const connectTo = (path: string) => request({ ...options(path, 'master'), headers }).end();
  const [answer, socket] = await once(connectTo(`/connect/default/web/${port}`), 'upgrade');
  expect(answer.headers.upgrade).toBe('trimast-tcp');
  socket.write('ping');
  expect(String((await once(socket, 'data'))[0])).toBe('ping');
  socket.destroy();
  echo.close();
  await once(echo, 'close');
  for (const [path, status, message] of [
    [`/connect/default/web/${port}`, 503, `dial tcp 127.0.0.1:${port}: `],
    ['/connect/default/other/80', 503, 'pod "other" has no address on this node'],
    ['/connect/default/web/0', 400, '"0" is no port: expected 1 to 65535'],
  ] as const) {
    const [response] = await once(connectTo(path), 'response');
    expect(response.statusCode).toBe(status);
    expect(JSON.parse(await text(response)).message).toContain(message);
  }
});

function execSocketRaw(path: string) {
  return request({
    ...options(path, 'master'),
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
    },
  }).end();
}

/** The client's half of an established WebSocket; `ws` has the means but no public constructor for it. */
function clientWebSocketStream(connection: Duplex, head: Buffer): Duplex {
  const socket = new (WebSocket as unknown as new (address: null, protocols: undefined, options: object) => WebSocket)(
    null,
    undefined,
    {},
  );
  const internals = socket as unknown as {
    _isServer: boolean;
    setSocket(socket: Duplex, head: Buffer, options: object): void;
  };
  internals._isServer = false;
  internals.setSocket(connection, head, { maxPayload: 0, skipUTF8Validation: false, allowSynchronousEvents: true });
  return createWebSocketStream(socket);
}

test('a hollow node says why it cannot', async () => {
  const hollow = await startStreamingServer({
    address: '127.0.0.1',
    port: 0,
    tls: pki.files('node'),
    pods: { ...pods, hollow: true },
    containerd: undefined,
    logger: silentLogger,
  });
  const call = request({
    ...options('/exec/default/web/main?command=cat&stdout=true', 'master'),
    port: hollow.port,
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
  });
  const [response] = await once(call.end(), 'response');
  expect(JSON.parse(await text(response)).message).toContain('hollow node');
  await hollow.close();
});
