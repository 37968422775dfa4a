import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeProtobuf } from '../../api/codec/protobuf/decode.ts';
import { encodeAs, encodeProtobuf } from '../../api/codec/protobuf/encode.ts';
import { builtInSchemas } from '../../api/schema/schema.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import { configMap } from '../testing/test-api.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttpHarness();
});
afterAll(() => http.stop());

const protobuf = 'application/vnd.kubernetes.protobuf';
const configMaps = '/api/v1/namespaces/default/configmaps';
const decode = (bytes: Uint8Array) => decodeProtobuf(builtInSchemas(), bytes) as KubernetesObject;

async function get(path: string, accept = protobuf) {
  const answer = await http.call('GET', path, { headers: { accept } });
  return { ...answer, type: String(answer.headers['content-type']) };
}

test('objects and lists, whole and as metadata, are the same in protobuf as in JSON', async () => {
  for (const name of ['pb-a', 'pb-b']) await http.call('POST', configMaps, { body: configMap(name, { k: 'ü' }) });
  const json = (await http.call('GET', `${configMaps}/pb-a`)).body;
  const one = await get(`${configMaps}/pb-a`, `${protobuf},application/json`);
  expect(one.type).toBe(protobuf);
  expect(decode(one.bytes)).toEqual(json);

  const list = decode((await get(configMaps)).bytes) as KubernetesObject & { items: object[] };
  const listJson = (await http.call('GET', configMaps)).body;
  expect(list).toMatchObject({
    kind: 'ConfigMapList',
    metadata: { resourceVersion: listJson.metadata.resourceVersion },
  });
  expect(list.items).toHaveLength(listJson.items.length);
  expect(list.items).toContainEqual({ metadata: json.metadata, data: json.data });

  const partial = `${protobuf};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
  const shown = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: json.metadata };
  const expected = encodeAs('io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata', shown);
  expect((await get(`${configMaps}/pb-a`, partial)).bytes.toString('hex')).toBe(expected.toString('hex'));
  const listed = await get(configMaps, `${protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`);
  expect(listed.bytes.includes('PartialObjectMetadataList')).toBe(true);
  expect(listed.bytes.includes('pb-b')).toBe(true);
});

test('errors and deletions are told in protobuf; a table only in JSON', async () => {
  const missing = await get(`${configMaps}/missing`);
  expect(missing.status).toBe(404);
  expect(decode(missing.bytes)).toMatchObject({ kind: 'Status', reason: 'NotFound', code: 404 });
  expect((await get(`${configMaps}/missing`, 'application/json')).body).toMatchObject({ reason: 'NotFound' });
  const table = ';as=Table;g=meta.k8s.io;v=v1';
  expect((await get(configMaps, `${protobuf}${table},application/json${table}`)).body.kind).toBe('Table');
  expect((await get(configMaps, `${protobuf}${table}`)).status).toBe(406);
});

test('a body in protobuf is created, and a watch tells of it in frames', async () => {
  const frames: { type: string; object: KubernetesObject }[] = [];
  const target = {
    host: '127.0.0.1',
    port: http.server.port,
    path: `${configMaps}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dpb-w`,
    headers: { accept: `${protobuf};stream=watch,application/json` },
    agent: false,
    ...http.tlsOf('admin'),
  };
  const incoming = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request(target, resolve).on('error', reject).end();
  });
  expect(incoming.headers['content-type']).toBe(`${protobuf};stream=watch`);
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pb-w' }, data: { a: '1' } };
  const body = encodeProtobuf(builtInSchemas(), object);
  const created = await new Promise<number>((resolve, reject) => {
    const outgoing = request(
      { ...target, path: configMaps, method: 'POST', headers: { 'content-type': protobuf, accept: protobuf } },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  expect(created).toBe(201);
  await http.call('DELETE', `${configMaps}/pb-w`);
  let rest = Buffer.alloc(0);
  for await (const chunk of incoming) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const frame = rest.subarray(4, 4 + rest.readUInt32BE(0));
      rest = rest.subarray(4 + frame.length);
      const type = frame.subarray(2, 2 + frame[1]!).toString();
      frames.push({ type, object: decode(frame.subarray(frame.indexOf('k8s\0'))) });
    }
    if (frames.length >= 2) break;
  }
  expect(frames.map(({ type }) => type)).toEqual(['ADDED', 'DELETED']);
  expect(frames[0]?.object).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'pb-w' }, data: { a: '1' } });
});
