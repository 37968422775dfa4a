/** What a careless or hostile client sends: a clear answer in the protocol's own form, nothing changed, nothing crashed. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../src/api/status.ts';
import { RaftService } from '../src/gen/trimast/raft/v1/raft_pb.ts';
import { clientCredentials, GrpcClient } from '../src/lib/grpc.ts';
import { Cluster, type ClusterStatus } from './support/cluster.ts';

const cluster = new Cluster();
let started: ClusterStatus;
const pidsOf = (status: ClusterStatus) => status.members.map((member) => [member.name, member.pid]);

beforeAll(async () => {
  await cluster.up('--workers', '1');
  started = await cluster.status();
});

afterAll(async () => {
  await cluster.destroy();
});

interface Answer {
  code: number;
  body: Status & Record<string, unknown>;
}

/** One request to the first master, as the admin unless told otherwise. */
async function send(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
  anonymous = false,
): Promise<Answer> {
  const master = started.members.find((member) => member.kind === 'master')!;
  const pki = (name: string) => readFileSync(join(cluster.dir, 'pki', name));
  const identity = anonymous ? {} : { cert: pki('admin.crt'), key: pki('admin.key') };
  return new Promise((resolve, reject) => {
    const req = request(
      { host: master.address, port: master.ports.api, method, path, ca: pki('ca.crt'), ...identity, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: response.statusCode!, body: JSON.parse(text) });
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, rest = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...rest });

async function nothingChanged(before: { items: unknown[] }, path: string): Promise<void> {
  expect((await send('GET', path)).body.items).toEqual(before.items);
  const status = await cluster.status();
  expect(pidsOf(status)).toEqual(pidsOf(started));
}

const listed = async (path: string) => (await send('GET', path)).body as unknown as { items: unknown[] };

test('a caller without credentials may see versions and health only; one with a wrong token is a 401', async () => {
  const answer = await send('GET', '/api/v1/namespaces', undefined, {}, true);
  expect(answer).toMatchObject({ code: 403, body: { kind: 'Status', reason: 'Forbidden' } });
  expect((await send('GET', '/version', undefined, {}, true)).code).toBe(200);
  const wrong = await send('GET', '/version', undefined, { authorization: 'Bearer x' }, true);
  expect(wrong).toMatchObject({ code: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
});

test('an unknown field: refused by name under Strict, warned by default', async () => {
  const before = await listed(configMaps);
  const strict = await send('POST', `${configMaps}?fieldValidation=Strict`, configMap('typo', { dota: {} }), json);
  expect(strict).toMatchObject({
    code: 400,
    body: { reason: 'BadRequest', message: expect.stringContaining('unknown field "dota"') },
  });
  await nothingChanged(before, configMaps);
});

test('a wrong type: says which field and what was expected', async () => {
  const before = await listed(deployments);
  const body = JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x' },
    spec: { replicas: 'three' },
  });
  const answer = await send('POST', deployments, body, json);
  expect(answer.code).toBe(400);
  expect(answer.body.message).toContain('spec.replicas');
  await nothingChanged(before, deployments);
});

test('a 5 MB body gets 413', async () => {
  const before = await listed(configMaps);
  const answer = await send('POST', configMaps, configMap('big', { data: { x: 'y'.repeat(5_000_000) } }), json);
  expect(answer).toMatchObject({ code: 413, body: { reason: 'RequestEntityTooLarge' } });
  await nothingChanged(before, configMaps);
});

test('a stale resourceVersion gets 409 and keeps what is there', async () => {
  const created = await send('POST', configMaps, configMap('stale', { data: { a: '1' } }), json);
  expect(created.code).toBe(201);
  const path = `${configMaps}/stale`;
  const old = created.body as { metadata: { resourceVersion?: string } };
  expect((await send('PUT', path, JSON.stringify({ ...old, data: { a: '2' } }), json)).code).toBe(200);
  const answer = await send('PUT', path, JSON.stringify({ ...old, data: { a: '3' } }), json);
  expect(answer).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
  expect((await send('GET', path)).body.data).toEqual({ a: '2' });
});

test('a name that is not DNS-1123 gets 422 with the field', async () => {
  const answer = await send('POST', configMaps, configMap('Not_A_Name'), json);
  expect(answer).toMatchObject({
    code: 422,
    body: { reason: 'Invalid', details: { causes: [{ reason: 'FieldValueInvalid', field: 'metadata.name' }] } },
  });
});

test('broken JSON, an unknown media type and an unknown path each get a Status', async () => {
  expect(await send('POST', configMaps, '{"kind":', json)).toMatchObject({ code: 400, body: { kind: 'Status' } });
  expect(await send('POST', configMaps, 'x', { 'content-type': 'text/plain' })).toMatchObject({
    code: 415,
    body: { reason: 'UnsupportedMediaType' },
  });
  expect(await send('GET', '/apis/none/v1/things')).toMatchObject({
    code: 404,
    body: { kind: 'Status', reason: 'NotFound' },
  });
});

test('half a TLS handshake and garbage on every port of a master leave it as it was', async () => {
  const before = await listed(configMaps);
  const master = started.members.find((member) => member.kind === 'master')!;
  for (const port of Object.values(master.ports)) {
    const half = connectTcp({ host: master.address, port });
    half.on('error', () => undefined);
    half.write(Buffer.from('1603010200010001fc0303', 'hex'));
    const garbage = connectTcp({ host: master.address, port });
    const ended = new Promise((resolve) => garbage.on('close', resolve));
    garbage.on('error', () => undefined);
    garbage.resume();
    garbage.write(Buffer.alloc(4096, 0xa5));
    await ended;
    half.destroy();
  }
  await nothingChanged(before, configMaps);
});

test('an agent, though it has a certificate of the cluster, may not speak on the Raft port', async () => {
  const master = started.members.find((member) => member.kind === 'master')!;
  const pki = (name: string) => join(cluster.dir, 'pki', name);
  const tls = { caFile: pki('ca.crt'), certFile: pki('worker-1.crt'), keyFile: pki('worker-1.key') };
  const client = new GrpcClient(RaftService, `${master.address}:${master.ports.raft}`, clientCredentials(tls));
  const stream = client.bidiStream(RaftService.method.exchange);
  const failure = new Promise<{ code: number }>((resolve) => stream.on('error', (error) => resolve(error as never)));
  stream.write({ message: { case: 'hello', value: { clusterId: '', from: 2n, to: 1n } } });
  stream.resume();
  expect((await failure).code).toBe(grpcStatus.PERMISSION_DENIED);
  client.close();
  expect(pidsOf(await cluster.status())).toEqual(pidsOf(started));
});

test('an agent may write only what is its own', async () => {
  const master = started.members.find((member) => member.kind === 'master')!;
  const pki = (name: string) => join(cluster.dir, 'pki', name);
  const asAgent = (args: string[]) =>
    cluster.tryKubectl([
      '--kubeconfig=/dev/null',
      `--certificate-authority=${pki('ca.crt')}`,
      `--server=https://${master.address}:${master.ports.api}`,
      `--client-certificate=${pki('worker-1.crt')}`,
      `--client-key=${pki('worker-1.key')}`,
      ...args,
    ]);
  const secret = await asAgent(['get', 'secrets', '-A']);
  expect(secret.code).toBe(1);
  expect(secret.stderr).toContain('Forbidden');
  const created = await asAgent(['create', 'configmap', 'x', '--from-literal=a=b']);
  expect(created.code).toBe(1);
  const taint = await asAgent(['label', 'namespace', 'default', 'a=b']);
  expect(taint.code).toBe(1);
});
