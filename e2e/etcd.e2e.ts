/** The etcd interface of a real cluster, over mutual TLS, without etcd's own programs. */
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster as ClusterService, KV, Maintenance } from '../src/gen/etcd/etcdserverpb/rpc_pb.ts';
import { clientCredentials, GrpcClient } from '../src/lib/grpc.ts';
import { Cluster } from './support/cluster.ts';

interface EtcdAccess {
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const cluster = new Cluster();
let access: EtcdAccess;
const clients: { close(): void }[] = [];

beforeAll(async () => {
  await cluster.up('--workers', '0');
  access = JSON.parse(await cluster.must('status', '-o', 'json')).etcd;
});

afterAll(async () => {
  for (const client of clients) client.close();
  await cluster.destroy();
});

const bytes = (text: string) => Buffer.from(text);
const addresses = () => access.endpoints.map((endpoint) => endpoint.replace('https://', ''));

function client<S extends typeof KV | typeof ClusterService | typeof Maintenance>(
  service: S,
  master: number,
  files: Pick<EtcdAccess, 'caFile' | 'certFile' | 'keyFile'> = access,
): GrpcClient<S> {
  const one = new GrpcClient(service, addresses()[master]!, clientCredentials(files));
  clients.push(one);
  return one;
}

test('what one master acknowledges, every other one has', async () => {
  for (const master of [0, 1, 2]) {
    const { header } = await client(KV, master).unary(KV.method.put, {
      key: bytes('e2e/a'),
      value: bytes(`${master}`),
    });
    const found = await client(KV, (master + 1) % 3).unary(KV.method.range, { key: bytes('e2e/a') });
    expect(found.kvs[0]).toMatchObject({ value: bytes(`${master}`), modRevision: header!.revision });
  }
});

test('Kubernetes objects are there to read, and kubectl is the way to write', async () => {
  const key = { key: bytes('/registry/core/namespaces/default') };
  const { kvs } = await client(KV, 0).unary(KV.method.range, key);
  expect(JSON.parse(Buffer.from(kvs[0]!.value).toString())).toMatchObject({ kind: 'Namespace' });
  await expect(client(KV, 0).unary(KV.method.deleteRange, key)).rejects.toMatchObject({
    code: grpc.status.PERMISSION_DENIED,
    details: expect.stringContaining('kubectl'),
  });
  expect((await client(KV, 0).unary(KV.method.range, key)).count).toBe(1n);
});

test('members and status, from each', async () => {
  const { members } = await client(ClusterService, 0).unary(ClusterService.method.memberList, {});
  expect(members.map((member) => member.clientURLs[0])).toEqual(access.endpoints);
  const leaders = await Promise.all(
    [0, 1, 2].map(async (master) => (await client(Maintenance, master).unary(Maintenance.method.status, {})).leader),
  );
  expect(new Set(leaders).size).toBe(1);
});

test('a certificate of the cluster that is not for this interface, and bytes that are no HTTP/2', async () => {
  const pki = dirname(access.certFile);
  const lb = { caFile: access.caFile, certFile: join(pki, 'lb.crt'), keyFile: join(pki, 'lb.key') };
  await expect(client(KV, 0, lb).unary(KV.method.range, { key: bytes('a') })).rejects.toMatchObject({
    code: grpc.status.PERMISSION_DENIED,
    details: expect.stringContaining('trimast:etcd-clients'),
  });
  const [host, port] = addresses()[0]!.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  socket.write(Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7919) % 251)));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  expect((await client(KV, 0).unary(KV.method.range, { key: bytes('e2e/a') })).count).toBe(1n);
});
