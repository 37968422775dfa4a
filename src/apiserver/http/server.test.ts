import { once } from 'node:events';
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import { configMap, pod } from '../testing/test-api.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttpHarness({ debugStatus: () => ({ appliedIndex: 1 }), readiness: { raft: () => 'no leader' } });
});
afterAll(() => http.stop());

const configMaps = '/api/v1/namespaces/default/configmaps';
const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

let counter = 0;
/** A name of its own for each test: the server is shared. */
function fresh(): string {
  return `t${++counter}`;
}

async function created(name: string, data: Record<string, string> = {}, labels?: Record<string, string>) {
  const answer = await http.call('POST', configMaps, { body: configMap(name, data, labels) });
  expect(answer.status).toBe(201);
  return answer.body;
}

test('create, get, update, patch and delete an object', async () => {
  const name = fresh();
  const object = await created(name, { a: '1' });
  expect((await http.call('GET', `${configMaps}/${name}`)).body).toEqual(object);
  const updated = await http.call('PUT', `${configMaps}/${name}`, { body: { ...object, data: { a: '2' } } });
  expect(updated.body.data).toEqual({ a: '2' });
  const headers = { 'content-type': 'application/merge-patch+json' };
  const patched = await http.call('PATCH', `${configMaps}/${name}`, { headers, body: { data: { b: '3' } } });
  expect(patched.body.data).toEqual({ a: '2', b: '3' });
  const deleted = await http.call('DELETE', `${configMaps}/${name}`, { body: { propagationPolicy: 'Background' } });
  expect(deleted.body).toMatchObject({ kind: 'Status', status: 'Success', details: { name, kind: 'configmaps' } });
  expect((await http.call('GET', `${configMaps}/${name}`)).body).toMatchObject({ code: 404, reason: 'NotFound' });
});

test('JSON patch, strategic merge patch and apply are applied; other patch types are a 415', async () => {
  const name = fresh();
  await created(name, { a: '1' });
  const patch = (type: string, body: unknown) =>
    http.call('PATCH', `${configMaps}/${name}`, { headers: { 'content-type': type }, body });
  const json = await patch('application/json-patch+json', [{ op: 'replace', path: '/data/a', value: '2' }]);
  expect(json.body.data).toEqual({ a: '2' });
  const strategic = await patch('application/strategic-merge-patch+json', { metadata: { labels: { x: 'y' } } });
  expect(strategic.body.metadata.labels).toEqual({ x: 'y' });
  expect((await patch('application/apply-patch+yaml', {})).status).toBe(422);
  expect((await patch('application/apply-patch+cbor', {})).status).toBe(415);
});

test('apply: YAML or JSON, 201 for what is new, conflicts, force; the manager from the query or the program', async () => {
  const name = fresh();
  const apply = (query: string, data: object) =>
    http.call('PATCH', `${configMaps}/${name}?${query}`, {
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
    });
  expect((await apply('fieldManager=one', { a: '1' })).status).toBe(201);
  expect((await apply('fieldManager=one', { a: '2' })).status).toBe(200);
  expect((await apply('fieldManager=two', { a: '3' })).body).toMatchObject({
    code: 409,
    reason: 'Conflict',
    details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }] },
  });
  expect((await apply('fieldManager=two&force=true', { a: '3' })).body.data).toEqual({ a: '3' });
  const headers = { 'content-type': 'application/merge-patch+json', 'user-agent': 'probe/1.0 (linux)' };
  const patched = await http.call('PATCH', `${configMaps}/${name}`, { headers, body: { data: { b: '1' } } });
  expect(patched.body.metadata.managedFields).toMatchObject([
    { manager: 'two', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } },
    { manager: 'probe', operation: 'Update', fieldsV1: { 'f:data': { 'f:b': {} } } },
  ]);
});

test('without a certificate one is anonymous, which allows nothing here; with one of another CA it is a 401', async () => {
  expect((await http.call('GET', '/api/v1/pods', { as: 'none' })).body).toMatchObject({
    code: 403,
    message:
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
  });
  const headers = { authorization: 'Bearer abc' };
  expect((await http.call('GET', '/version', { as: 'none', headers })).body).toMatchObject({
    code: 401,
    reason: 'Unauthorized',
  });
  const other = await startHttpHarness();
  try {
    const outgoing = request({
      ...other.tlsOf('admin'),
      ca: http.tlsOf('admin').ca,
      host: '127.0.0.1',
      port: http.server.port,
      path: '/version',
      agent: false,
    });
    outgoing.end();
    const [incoming] = await once(outgoing, 'response');
    expect(incoming.statusCode).toBe(401);
    incoming.resume();
  } finally {
    await other.stop();
  }
});

test('what is not allowed is a 403 in upstream words', async () => {
  expect((await http.call('GET', '/api/v1/namespaces/default/pods', { as: 'eve' })).body).toMatchObject({
    code: 403,
    message: 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "default"',
  });
  expect((await http.call('GET', '/debug/status', { as: 'eve' })).status).toBe(403);
  expect((await http.call('GET', '/version', { as: 'eve' })).status).toBe(200);
});

test('bodies: broken JSON is a 400, too much of it a 413, an unknown type a 415, an invalid object a 422', async () => {
  const post = (body: unknown, headers = {}) => http.call('POST', configMaps, { body, headers });
  expect((await post('{"kind":')).body).toMatchObject({ code: 400, reason: 'BadRequest' });
  const large = await post(configMap('large', { a: 'x'.repeat(5 * 1024 * 1024) }));
  expect(large.body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  expect((await post('x', { 'content-type': 'text/plain' })).body).toMatchObject({ code: 415 });
  const invalid = await post(configMap('Not_A_Name'));
  expect(invalid.body).toMatchObject({
    code: 422,
    reason: 'Invalid',
    details: { causes: [{ field: 'metadata.name' }] },
  });
});

test('YAML is taken and given', async () => {
  const name = fresh();
  const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: b\n`;
  const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' };
  const answer = await http.call('POST', configMaps, { headers, body });
  expect(answer.status).toBe(201);
  expect(answer.text).toContain('a: b');
});

test('fieldValidation: Warn tells in a header, Strict refuses, Ignore is silent', async () => {
  const body = { ...configMap(fresh()), nope: 1 };
  const post = (mode: string) => http.call('POST', `${configMaps}?dryRun=All&fieldValidation=${mode}`, { body });
  expect((await post('Warn')).headers.warning).toBe('299 - "unknown field \\"nope\\""');
  expect((await post('Ignore')).headers.warning).toBeUndefined();
  expect((await post('Strict')).body).toMatchObject({ code: 400, message: expect.stringContaining('unknown field') });
});

test('a kind on its way out is answered with a warning', async () => {
  const answer = await http.call('GET', '/api/v1/namespaces/default/endpoints');
  expect([answer.status, answer.headers.warning]).toEqual([
    200,
    '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
  ]);
});

test('a stale resourceVersion is a 409', async () => {
  const name = fresh();
  const object = await created(name);
  await http.call('PUT', `${configMaps}/${name}`, { body: { ...object, data: { a: '1' } } });
  const stale = await http.call('PUT', `${configMaps}/${name}`, { body: { ...object, data: { a: '2' } } });
  expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
});

test('lists: selectors, limit and continue over the wire', async () => {
  for (let i = 0; i < 3; i++) await created(fresh(), {}, { page: 'yes' });
  const first = await http.call('GET', `${configMaps}?labelSelector=page%3Dyes&limit=2`);
  expect(first.body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
  expect(first.body.items).toHaveLength(2);
  const token = encodeURIComponent(first.body.metadata.continue);
  const second = await http.call('GET', `${configMaps}?labelSelector=page%3Dyes&limit=2&continue=${token}`);
  expect(second.body.items).toHaveLength(1);
  expect((await http.call('GET', `${configMaps}?fieldSelector=x%3Dy`)).status).toBe(400);
  expect((await http.call('GET', `${configMaps}?resourceVersion=x`)).status).toBe(400);
});

test('tables and metadata-only forms', async () => {
  const name = fresh();
  await created(name);
  const table = await http.call('GET', configMaps, { headers: { accept: tableAccept } });
  expect(table.body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
  expect(table.body.columnDefinitions[0].name).toBe('Name');
  expect(table.body.rows.find((row: { cells: unknown[] }) => row.cells[0] === name).object.kind).toBe(
    'PartialObjectMetadata',
  );
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
  const partial = await http.call('GET', configMaps, { headers: { accept } });
  expect(partial.body.kind).toBe('PartialObjectMetadataList');
  expect(partial.body.items[0].data).toBeUndefined();
});

test('large answers are compressed for those who take it', async () => {
  const name = fresh();
  await created(name, { a: 'x'.repeat(300_000) });
  const headers = { 'accept-encoding': 'gzip' };
  const target = { ...http.tlsOf('admin'), host: '127.0.0.1', port: http.server.port, agent: false, headers };
  const outgoing = request({ ...target, path: `${configMaps}/${name}` });
  outgoing.end();
  const [incoming] = await once(outgoing, 'response');
  expect(incoming.headers['content-encoding']).toBe('gzip');
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  expect(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()).data.a).toHaveLength(300_000);
});

test('dryRun writes nothing', async () => {
  const name = fresh();
  const answer = await http.call('POST', `${configMaps}?dryRun=All`, { body: configMap(name) });
  expect(answer.status).toBe(201);
  expect((await http.call('GET', `${configMaps}/${name}`)).status).toBe(404);
  expect((await http.call('POST', `${configMaps}?dryRun=Some`, { body: configMap(name) })).status).toBe(400);
});

test('a watch from a resourceVersion tells what changed since, and deletions with their revision', async () => {
  const name = fresh();
  const object = await created(name);
  const path = `${configMaps}?watch=true&fieldSelector=metadata.name%3D${name}`;
  const events = http.watch(`${path}&resourceVersion=${object.metadata.resourceVersion}`);
  const headers = { 'content-type': 'application/merge-patch+json' };
  await http.call('PATCH', `${configMaps}/${name}`, { headers, body: { data: { a: '1' } } });
  expect((await events.next()).value).toMatchObject({ type: 'MODIFIED', object: { data: { a: '1' } } });
  await http.call('DELETE', `${configMaps}/${name}`);
  const { value } = await events.next();
  expect(value).toMatchObject({ type: 'DELETED', object: { data: { a: '1' } } });
  expect(Number(value.object.metadata.resourceVersion)).toBe(http.store.revision);
  await events.return(undefined);
});

test('a watch without resourceVersion begins with what is there', async () => {
  const name = fresh();
  await created(name);
  const events = http.watch(`${configMaps}?watch=true&fieldSelector=metadata.name%3D${name}`);
  expect((await events.next()).value).toMatchObject({ type: 'ADDED', object: { metadata: { name } } });
  await events.return(undefined);
});

test('streaming lists end their initial events with an annotated bookmark', async () => {
  const name = fresh();
  await created(name, {}, { streamed: name });
  const query = `watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
  const events = http.watch(`${configMaps}?${query}&labelSelector=streamed%3D${name}`);
  expect((await events.next()).value.type).toBe('ADDED');
  const { value } = await events.next();
  expect(value).toMatchObject({
    type: 'BOOKMARK',
    object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
  expect(Number(value.object.metadata.resourceVersion)).toBe(http.store.revision);
  await events.return(undefined);
  expect((await http.call('GET', `${configMaps}?watch=true&sendInitialEvents=true`)).status).toBe(422);
});

test('a selector makes ADDED and DELETED of what begins and ceases to match', async () => {
  const name = fresh();
  const object = await created(name);
  const rv = object.metadata.resourceVersion;
  const events = http.watch(`${configMaps}?watch=true&labelSelector=on%3D${name}&resourceVersion=${rv}`);
  const label = (value: string | null) =>
    http.call('PATCH', `${configMaps}/${name}`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { on: value } } },
    });
  await label(name);
  expect((await events.next()).value.type).toBe('ADDED');
  const { body } = await label(null);
  const { value } = await events.next();
  expect(value).toMatchObject({ type: 'DELETED', object: { metadata: { labels: { on: name } } } });
  expect(value.object.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  await events.return(undefined);
});

test('a watch from a revision that was compacted says so in an ERROR event, and ends', async () => {
  const object = await created(fresh());
  await created(fresh());
  await http.store.compact(http.store.revision);
  await created(fresh());
  const events = http.watch(`${configMaps}?watch=true&resourceVersion=${Number(object.metadata.resourceVersion) - 1}`);
  expect((await events.next()).value).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  expect((await events.next()).done).toBe(true);
});

test('a watch ends after timeoutSeconds', async () => {
  const events = http.watch(`${configMaps}?watch=true&resourceVersion=${http.store.revision}&timeoutSeconds=1`);
  expect((await events.next()).done).toBe(true);
});

test('a watch as a table carries its columns once', async () => {
  const name = fresh();
  const first = await created(name, {}, { tabled: 'yes' });
  const path = `${configMaps}?watch=true&labelSelector=tabled%3Dyes&resourceVersion=0`;
  const events = http.watch(path, { accept: tableAccept });
  expect((await events.next()).value.object).toMatchObject({
    kind: 'Table',
    rows: [{ cells: [name, 0, expect.anything()] }],
  });
  await created(fresh(), {}, { tabled: 'yes' });
  expect((await events.next()).value.object.columnDefinitions).toEqual([]);
  expect(first.kind).toBe('ConfigMap');
  await events.return(undefined);
});

test('a client that leaves its watch frees it', async () => {
  const session = connectHttp2(
    `https://127.0.0.1:${http.server.port}`,
    http.tlsOf('admin') as SecureClientSessionOptions,
  );
  const stream = session.request({ ':path': `${configMaps}?watch=true&resourceVersion=${http.store.revision}` });
  const [headers] = await once(stream, 'response');
  expect(headers[':status']).toBe(200);
  stream.close();
  await once(stream, 'close');
  session.close();
  await once(session, 'close');
});

test('discovery, plain and aggregated, with ETag and 304', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const aggregated = await http.call('GET', '/apis', { headers: { accept } });
  expect(aggregated.headers['content-type']).toContain('as=APIGroupDiscoveryList');
  expect(aggregated.body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toContain('apps');
  const again = await http.call('GET', '/apis', { headers: { accept, 'if-none-match': aggregated.headers.etag! } });
  expect(again.status).toBe(304);
  expect((await http.call('GET', '/api')).body.versions).toEqual(['v1']);
  expect((await http.call('GET', '/apis')).body.kind).toBe('APIGroupList');
  expect((await http.call('GET', '/api/v1')).body.resources.length).toBeGreaterThan(10);
  expect((await http.call('GET', '/apis/apps/v1')).body.groupVersion).toBe('apps/v1');
  expect((await http.call('GET', '/apis/nope')).status).toBe(404);
});

test('OpenAPI v3: the index leads to a document', async () => {
  const index = await http.call('GET', '/openapi/v3');
  const url = index.body.paths['apis/apps/v1'].serverRelativeURL;
  const document = await http.call('GET', url);
  expect(document.body.openapi).toMatch(/^3\./);
  expect(document.headers.etag).toBeDefined();
});

test('OpenAPI v2 in protobuf, for kubectl 1.28 and older', async () => {
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const answer = await http.call('GET', '/openapi/v2', { headers: { accept } });
  expect(answer.headers['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  expect(answer.text).toContain('/apis/apps/v1/namespaces/{namespace}/deployments/{name}');
  expect(answer.text).toContain('fieldValidation');
  const json = (await http.call('GET', '/openapi/v2')).body;
  expect(json).toMatchObject({ swagger: '2.0', definitions: { 'io.k8s.api.core.v1.Pod': { type: 'object' } } });
  const patch = json.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch;
  expect(patch).toMatchObject({
    'x-kubernetes-group-version-kind': { kind: 'Deployment' },
    'x-kubernetes-action': 'patch',
  });
  const references = [...JSON.stringify(json).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)].map((match) => match[1]!);
  expect(references.filter((name) => !json.definitions[name])).toEqual([]);
});

test('version and health, verbose and by name', async () => {
  expect((await http.call('GET', '/version')).body).toMatchObject({ major: '1', minor: '35' });
  expect((await http.call('GET', '/livez')).text).toBe('ok');
  const ready = await http.call('GET', '/readyz?verbose');
  expect(ready.status).toBe(500);
  expect(ready.text).toContain('[-]raft failed: no leader');
  expect((await http.call('GET', '/readyz?exclude=raft')).text).toBe('ok');
  expect((await http.call('GET', '/readyz/ping')).status).toBe(200);
  expect((await http.call('GET', '/readyz/nope')).status).toBe(404);
  expect((await http.call('GET', '/debug/status')).body).toEqual({ appliedIndex: 1 });
});

test('what there is not is a 404, what cannot be done a 405', async () => {
  expect((await http.call('GET', '/api/v1/nopes')).body).toMatchObject({
    code: 404,
    message: 'the server could not find the requested resource',
  });
  expect((await http.call('GET', '/nope')).status).toBe(404);
  expect((await http.call('POST', `${configMaps}/x`, { body: {} })).status).toBe(405);
  expect((await http.call('GET', `${configMaps}/x/nope`)).status).toBe(404);
  expect((await http.call('GET', '/api/v1/namespaces/default%2Fconfigmaps/configmaps/x')).status).toBe(400);
});

test('who am I, can I, and acting as somebody else', async () => {
  const review = (kind: string, group: string, spec?: object) => ({ apiVersion: `${group}/v1`, kind, spec });
  const whoami = await http.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    body: review('SelfSubjectReview', 'authentication.k8s.io'),
    as: 'node1',
  });
  expect(whoami.body.status.userInfo).toMatchObject({ username: 'system:node:n1' });
  const canI = (headers = {}) =>
    http.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      headers,
      body: review('SelfSubjectAccessReview', 'authorization.k8s.io', {
        resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' },
      }),
    });
  expect((await canI()).body.status.allowed).toBe(true);
  expect((await canI({ 'impersonate-user': 'eve' })).body.status.allowed).toBe(false);
  const escalation = { headers: { 'impersonate-user': 'kubernetes-admin' }, as: 'eve' };
  expect((await http.call('GET', '/version', escalation)).status).toBe(403);
});

test('HTTP/2: many requests at once on one connection', async () => {
  const session = connectHttp2(
    `https://127.0.0.1:${http.server.port}`,
    http.tlsOf('admin') as SecureClientSessionOptions,
  );
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const stream = session.request({ ':path': configMaps });
      const [headers] = await once(stream, 'response');
      stream.resume();
      await once(stream, 'end');
      return headers[':status'];
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
  session.close();
});

test('garbage and half a handshake do not disturb the others', async () => {
  const garbage = connectTcp(http.server.port, '127.0.0.1');
  garbage.on('error', () => undefined);
  garbage.write('GET / HTTP/1.1\r\n\r\n');
  await once(garbage, 'close');
  const half = connectTcp(http.server.port, '127.0.0.1');
  await once(half, 'connect');
  half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  expect((await http.call('GET', '/version')).status).toBe(200);
  half.destroy();
});

test('a client that stalls in its handshake, before it or in the middle of it, is cut off', async () => {
  const other = await startHttpHarness({ handshakeTimeoutMs: 100 });
  const stalled = [Buffer.alloc(0), Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])].map(async (hello) => {
    const socket = connectTcp(other.server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume().write(hello);
    await once(socket, 'close');
  });
  await Promise.all(stalled);
  await other.stop();
});

test('a header that is too large is refused', async () => {
  const refused = http.call('GET', '/version', { headers: { x: 'a'.repeat(100_000) } });
  expect((await refused).status).toBe(400);
});

test('log and exec without a streaming proxy are a 503, and exec of a pod that does not exist a 404', async () => {
  const name = fresh();
  await http.call('POST', '/api/v1/namespaces/default/pods', { body: pod(name, 'n1') });
  const pods = `/api/v1/namespaces/default/pods`;
  expect((await http.call('GET', `${pods}/${name}/log`)).status).toBe(503);
  const upgrade = { connection: 'upgrade', upgrade: 'websocket' };
  expect((await http.call('GET', `${pods}/${name}/exec?command=ls`, { headers: upgrade })).status).toBe(503);
  expect((await http.call('GET', `${pods}/gone/exec?command=ls`, { headers: upgrade })).status).toBe(404);
  expect((await http.call('GET', `${pods}/${name}/exec`, { headers: upgrade, as: 'eve' })).status).toBe(403);
  expect((await http.call('GET', `${pods}/${name}/exec`, { headers: upgrade, as: 'none' })).status).toBe(403);
});

test('close ends watches and refuses new requests', async () => {
  const other = await startHttpHarness();
  const events = other.watch(`${configMaps}?watch=true&resourceVersion=${other.store.revision}`);
  const next = events.next();
  await other.call('GET', '/version');
  await other.stop();
  expect((await next).done).toBe(true);
  await expect(other.call('GET', '/version')).rejects.toThrow();
});

test('what is not stored has no table: 406 for who takes nothing else', async () => {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const body = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } };
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  expect((await http.call('POST', path, { body, headers: { accept: table } })).status).toBe(406);
  expect((await http.call('POST', path, { body, headers: { accept: tableAccept } })).status).toBe(201);
});

test('metrics: what was asked is counted under the names of kube-apiserver, and only what is served has a label', async () => {
  await http.call('GET', '/api/v1/namespaces/default/pods');
  await http.call('GET', '/apis/made.up/v1/things');
  const { status, headers, text } = await http.call('GET', '/metrics');
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  const of = 'verb="LIST",group="",version="v1",resource="pods",subresource="",scope="namespace",component="apiserver"';
  expect(text).toMatch(new RegExp(`^apiserver_request_total\\{${of},dry_run="",code="200"\\} [1-9]`, 'm'));
  expect(text).toMatch(new RegExp(`^apiserver_request_duration_seconds_count\\{${of},dry_run=""\\} [1-9]`, 'm'));
  expect(text).not.toContain('made.up');
  expect((await http.call('GET', '/metrics', { as: 'eve' })).status).toBe(403);
});

test('health checks have names, and can be asked for and left out', async () => {
  expect((await http.call('GET', '/livez?verbose')).text).toContain('[+]ping ok\n[+]log ok\n');
  expect((await http.call('GET', '/livez?verbose&exclude=log&exclude=x')).text).toContain(
    '[+]log excluded: ok\nwarn: some health checks cannot be excluded: no matches for "x"\n',
  );
  expect((await http.call('GET', '/livez/ping')).text).toBe('ok');
  expect((await http.call('GET', '/livez/constructor')).status).toBe(404);
});

test('a watch over a WebSocket: one message per event, and 403 for who may not', async () => {
  const path = `${configMaps}?watch=true&resourceVersion=0`;
  const open = (as: string) =>
    new WebSocket(`wss://127.0.0.1:${http.server.port}${path}`, { ...(http.tlsOf(as) as object) });
  const socket = open('admin');
  const names: string[] = [];
  const seen = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const { type, object } = JSON.parse(String(data));
      if (object.metadata.name.startsWith('over-')) names.push(`${type} ${object.metadata.name}`);
      if (names.length === 2) resolve();
    });
  });
  await once(socket, 'open');
  await http.call('POST', configMaps, { body: { metadata: { name: 'over-a' } } });
  await http.call('POST', configMaps, { body: { metadata: { name: 'over-b' } } });
  await seen;
  expect(names).toEqual(['ADDED over-a', 'ADDED over-b']);
  socket.terminate();
  const [, refusal] = await once(
    open('eve').on('error', () => undefined),
    'unexpected-response',
  );
  expect(refusal.statusCode).toBe(403);
});
