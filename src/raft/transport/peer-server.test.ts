import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RaftService } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import { createTestCa, type TestCa } from '../test-certificates.ts';
import { channelOptions, type PeerTls, peerCredentials } from './channel.ts';
import { PeerServer } from './peer-server.ts';

let dir: string;
let ca: TestCa;
let server: PeerServer;
let address: string;
let serverTls: PeerTls;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-peer-'));
  ca = await createTestCa(join(dir, 'tls'));
  serverTls = await ca.issue('m1', 'trimast:masters');
  server = new PeerServer({
    clusterId: 'c',
    memberId: 1,
    isPeer: (id) => id === 2,
    tls: serverTls,
    dataDir: dir,
    logger: quiet,
    onConnected: () => undefined,
    onReceived: () => undefined,
  });
  address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
});
afterEach(() => {
  server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The server's first answer: "welcome" or the status code. */
function call(tls: PeerTls, hello: { clusterId: string; from: bigint; to: bigint }): Promise<string> {
  const client = new GrpcClient(RaftService, address, peerCredentials(tls), channelOptions);
  const stream = client.bidiStream(RaftService.method.exchange);
  return new Promise<string>((resolve) => {
    stream.on('data', () => resolve('welcome'));
    stream.on('error', (error: { code?: status }) => resolve(status[error.code ?? status.UNKNOWN]!));
    stream.write({ message: { case: 'hello', value: hello } });
  }).finally(() => {
    stream.cancel();
    client.close();
  });
}

const hello = { clusterId: 'c', from: 2n, to: 1n };

test('a member of the cluster is welcome', async () => {
  expect(await call(await ca.issue('m2', 'trimast:masters'), hello)).toBe('welcome');
});

test('another organization, cluster, member or addressee is denied', async () => {
  const tls = await ca.issue('m2', 'trimast:masters');
  expect(await call(await ca.issue('node', 'system:nodes'), hello)).toBe('PERMISSION_DENIED');
  expect(await call(tls, { ...hello, clusterId: 'other' })).toBe('PERMISSION_DENIED');
  expect(await call(tls, { ...hello, from: 9n })).toBe('PERMISSION_DENIED');
  expect(await call(tls, { ...hello, to: 3n })).toBe('PERMISSION_DENIED');
});

test('a certificate of another CA does not get through the handshake', async () => {
  const foreign = await createTestCa(join(dir, 'foreign'));
  const tls = await foreign.issue('m2', 'trimast:masters');
  // It trusts our CA, so that it is the server that refuses.
  expect(await call({ ...tls, caFile: serverTls.caFile }, hello)).toBe('UNAVAILABLE');
});

test('a master does not talk to a server of another organization', async () => {
  const tls = { ...(await ca.issue('m2', 'trimast:masters')), peerOrganization: 'someone-else' };
  expect(await call(tls, hello)).toBe('UNAVAILABLE');
});
