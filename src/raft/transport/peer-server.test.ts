/** Who may speak on the Raft port, and what anybody can do to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RaftService } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import { ReloadingCertificates } from '../../lib/reloading-certificates.ts';
import { createTestCa, type TestCa } from '../test-certificates.ts';
import { channelOptions, maxStreamMessageBytes, type PeerTls, peerCredentials, protocolVersion } from './channel.ts';
import { maxConnections, maxStreamsPerConnection, PeerServer } from './peer-server.ts';

let dir: string;
let ca: TestCa;
let server: PeerServer;
let address: string;
let port: number;
let serverTls: PeerTls;
let received: number;
/** Members known as removed at configuration 40. */
let removed: Set<number>;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-peer-'));
  ca = await createTestCa(join(dir, 'tls'));
  serverTls = await ca.issue('m1', 'trimast:masters');
  received = 0;
  removed = new Set();
  server = new PeerServer({
    self: { clusterId: 'c', memberId: 1, name: 'm1', address: 'here', configurationIndex: 40 },
    peerOrganization: 'trimast:masters',
    certificates: new ReloadingCertificates(serverTls),
    dataDir: dir,
    logger: quiet,
    accepts: ({ id }) => !removed.has(id),
    onConnected: () => undefined,
    onDisconnected: () => undefined,
    onReceived: () => {
      received++;
    },
  });
  port = await server.listen('127.0.0.1', 0);
  address = `127.0.0.1:${port}`;
});
afterEach(() => {
  server.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface TestHello {
  clusterId: string;
  from: bigint;
  to: bigint;
  protocolVersion: number;
}

function openStream(tls: PeerTls) {
  const credentials = peerCredentials(new ReloadingCertificates(tls), tls.peerOrganization);
  const client = new GrpcClient(RaftService, address, credentials, channelOptions);
  const stream = client.bidiStream(RaftService.method.exchange);
  const end = () => {
    stream.cancel();
    client.close();
  };
  return { stream, end };
}

/** The server's first answer: "welcome", "removed at N" or the status code. */
function call(tls: PeerTls, value: TestHello): Promise<string> {
  const { stream, end } = openStream(tls);
  return new Promise<string>((resolve) => {
    stream.on('data', ({ answer }) =>
      resolve(answer.case === 'removed' ? `removed at ${answer.value.configurationIndex}` : String(answer.case)),
    );
    stream.on('error', (error: { code?: status; details?: string }) =>
      resolve(`${status[error.code ?? status.UNKNOWN]}: ${error.details}`),
    );
    stream.write({ message: { case: 'hello', value } });
  }).finally(end);
}

const hello: TestHello = { clusterId: 'c', from: 2n, to: 1n, protocolVersion };

test('a member of the cluster is welcome', async () => {
  expect(await call(await ca.issue('m2', 'trimast:masters'), hello)).toBe('welcome');
});

test('another organization, cluster or addressee is denied', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  expect(await call(await ca.issue('node', 'system:nodes'), hello)).toMatch(/PERMISSION_DENIED.*lacks organization/);
  expect(await call(tls, { ...hello, clusterId: 'other' })).toMatch(/PERMISSION_DENIED.*cluster "c"/);
  expect(await call(tls, { ...hello, to: 3n })).toMatch(/PERMISSION_DENIED.*this is member 1/);
});

test('a member that speaks another version is told which', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  expect(await call(tls, { ...hello, protocolVersion: 1 })).toMatch(
    /FAILED_PRECONDITION.*speaks version 2 .* version 1/,
  );
});

test('a removed member is told so, when it calls and while it is connected', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  const { stream, end } = openStream(tls);
  const welcomed = new Promise((resolve) => stream.once('data', resolve));
  stream.on('error', () => undefined);
  stream.write({ message: { case: 'hello', value: hello } });
  await welcomed;
  const told = new Promise<object>((resolve) => stream.once('data', resolve));
  removed.add(2);
  server.recheck();
  expect(await told).toMatchObject({ answer: { case: 'removed', value: { configurationIndex: 40n } } });
  end();
  expect(await call(tls, hello)).toBe('removed at 40');
});

test('a certificate of another CA does not get through the handshake', async () => {
  const foreign = await createTestCa(join(dir, 'foreign'));
  const tls = await foreign.issue('m2', 'trimast:masters');
  // It trusts our CA, so that it is the server that refuses.
  expect(await call({ ...tls, caFile: serverTls.caFile }, hello)).toMatch(/UNAVAILABLE/);
});

test('a master does not talk to a server of another organization', async () => {
  const tls = { ...(await ca.issue('m2', 'trimast:masters')), peerOrganization: 'someone-else' };
  expect(await call(tls, hello)).toMatch(/UNAVAILABLE/);
});

const untilClosed = (socket: ReturnType<typeof connect>) =>
  new Promise<void>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });

test('random bytes end their own connection only', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  for (let seed = 1; seed <= 20; seed++) {
    const socket = connect(port, '127.0.0.1');
    const closed = untilClosed(socket);
    const bytes = Buffer.alloc(seed * 97, 0);
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7919 * seed) >> 3;
    socket.end(bytes);
    socket.resume();
    await closed;
  }
  expect(await call(tls, hello)).toBe('welcome');
});

test('connections beyond the limit are closed, and the limit is per connection not per life', async () => {
  const sockets = Array.from({ length: maxConnections + 20 }, () => connect(port, '127.0.0.1'));
  const closed = sockets.map((socket) => untilClosed(socket));
  // At least those beyond the limit are closed before anything was said.
  await Promise.race(closed);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  expect(await call(await ca.issue('m2', 'trimast:masters'), hello)).toBe('welcome');
});

test('10,000 idle streams: a connection has a handful, the others are refused', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  const [{ readFileSync }, { ALPNProtocols }] = [await import('node:fs'), { ALPNProtocols: ['h2'] }];
  const session = connectHttp2(`https://localhost:${port}`, {
    ca: readFileSync(tls.caFile),
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    ALPNProtocols,
    checkServerIdentity: () => undefined,
    // Ours, as a client that minds nothing; the server's limit is what counts.
    peerMaxConcurrentStreams: 10_000,
  });
  session.on('error', () => undefined);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  expect(session.remoteSettings.maxConcurrentStreams).toBe(maxStreamsPerConnection);
  const before = process.memoryUsage().heapUsed;
  const path = '/trimast.raft.v1.RaftService/Exchange';
  const streams = Array.from({ length: 10_000 }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    return stream;
  });
  expect(await call(tls, hello)).toBe('welcome');
  for (const stream of streams) stream.close();
  session.destroy();
  // The 10,000 are this test's own objects; at the server there are 8.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 << 20);
});

test('an oversized message is refused before it is read, and nothing of it counts', async () => {
  const { stream, end } = openStream(await ca.issue('m2', 'trimast:masters'));
  const failed = new Promise<{ code?: status }>((resolve) => stream.on('error', resolve as never));
  stream.write({ message: { case: 'hello', value: hello } });
  await new Promise((resolve) => stream.once('data', resolve));
  const forward = { term: 1n, origin: 1n, attempt: 1n, proposals: new Uint8Array(maxStreamMessageBytes) };
  stream.write({ message: { case: 'batch', value: { forwards: [forward] } } });
  expect((await failed).code).toBe(status.RESOURCE_EXHAUSTED);
  end();
  expect(received).toBe(0);
  expect(await call(await ca.issue('m2', 'trimast:masters'), hello)).toBe('welcome');
});

test('a batch with damaged entries ends the stream, and nothing of it counts', async () => {
  const { stream, end } = openStream(await ca.issue('m2', 'trimast:masters'));
  const failed = new Promise<{ code?: status; details?: string }>((resolve) => stream.on('error', resolve as never));
  stream.write({ message: { case: 'hello', value: hello } });
  await new Promise((resolve) => stream.once('data', resolve));
  const forward = { term: 1n, origin: 1n, attempt: 1n, proposals: new Uint8Array(100).fill(2) };
  stream.write({ message: { case: 'batch', value: { forwards: [forward] } } });
  expect(await failed).toMatchObject({ code: status.INVALID_ARGUMENT });
  end();
  expect(received).toBe(0);
});
