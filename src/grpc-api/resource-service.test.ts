import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError, type StatusReason } from '../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../api/types.ts';
import type { UserInfo } from '../apiserver/types.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import type { ListOptions } from '../client/types.ts';
import {
  EventType,
  ObjectForm,
  PatchType,
  type ResourceObject,
  ResourceService,
  type WatchResponse,
} from '../gen/trimast/resource/v1/resource_pb.ts';
import { clientCredentials, GrpcClient, serverCredentials } from '../lib/grpc.ts';
import { silentLogger } from '../lib/logger.ts';
import { adminCertificate, masterCertificate } from '../pki/identities.ts';
import { PkiDirectory } from '../pki/pki-directory.ts';
import { statusMetadataKey } from './grpc-status.ts';
import { addHealthService, addReflectionService, addResourceService, type HealthService } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tt-grpc-'));
const pki = new PkiDirectory(join(folder, 'pki'));
const { method } = ResourceService;
const configMaps = resources.configMaps;

let api: FakeApiClient;
let users: UserInfo[];
let ready = true;
let server: grpc.Server;
let health: HealthService;
let address: string;
let client: GrpcClient<typeof ResourceService>;

beforeAll(async () => {
  await pki.init('test');
  await pki.ensure(
    'master',
    masterCertificate({ name: 'm1', addresses: ['127.0.0.1'], clusterDomain: 'cluster.local' }),
  );
  await pki.ensure('admin', adminCertificate);
  server = new grpc.Server();
  const clientFor = (user: UserInfo) => {
    users.push(user);
    return api;
  };
  addResourceService(server, clientFor, silentLogger);
  health = addHealthService(server, [ResourceService.typeName], () => ready);
  addReflectionService(server, [ResourceService]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serverCredentials(pki.files('master')), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  address = `127.0.0.1:${port}`;
  client = new GrpcClient(ResourceService, address, clientCredentials(pki.files('admin')));
});
afterAll(() => {
  client.close();
  health.stop();
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  api = new FakeApiClient();
  users = [];
});

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const json = (value: unknown) => ({ content: { case: 'json' as const, value: Buffer.from(JSON.stringify(value)) } });
function parsed(object: ResourceObject | undefined): TypedObject & { data?: Record<string, string> } {
  if (object?.content.case !== 'json') throw new Error('not in the form of JSON');
  return JSON.parse(Buffer.from(object.content.value).toString());
}
const key = (name: string) => ({ namespace: 'default', name });

describe('unary methods', () => {
  test('create, get, update, patch and delete reach the API with the rights of the certificate', async () => {
    const created = await client.unary(method.create, {
      resource: configMaps,
      object: json(configMap('a', { x: '1' })),
    });
    const object = parsed(created.object);
    expect(object.metadata?.resourceVersion).toBeTruthy();
    await client.unary(method.update, { resource: configMaps, object: json({ ...object, data: { x: '2' } }) });
    await client.unary(method.patch, {
      resource: configMaps,
      key: key('a'),
      type: PatchType.MERGE,
      patch: Buffer.from('{"data":{"y":"3"}}'),
    });
    const got = await client.unary(method.get, { resource: configMaps, key: key('a') });
    expect(parsed(got.object).data).toEqual({ x: '2', y: '3' });
    await client.unary(method.delete, { resource: configMaps, key: key('a') });
    await expect(client.unary(method.get, { resource: configMaps, key: key('a') })).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
    expect(users[0]).toEqual({ name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] });
  });

  test('an apply goes with its field manager and its force', async () => {
    await client.unary(method.create, { resource: configMaps, object: json(configMap('a', { x: '1' })) });
    const patch = vi.spyOn(api, 'patch');
    const applied = configMap('a', { x: '2' });
    await client.unary(method.patch, {
      resource: configMaps,
      key: key('a'),
      type: PatchType.APPLY,
      patch: Buffer.from(JSON.stringify(applied)),
      fieldManager: 'operator',
      force: true,
    });
    const options = { fieldManager: 'operator', force: true };
    expect(patch).toHaveBeenCalledWith(expect.anything(), key('a'), 'apply', applied, undefined, options);
  });

  test('objects can be given and taken as structures', async () => {
    const { object } = await client.unary(method.create, {
      resource: configMaps,
      object: { content: { case: 'struct', value: configMap('s', { x: '1' }) } },
      form: ObjectForm.STRUCT,
    });
    expect(object?.content.case === 'struct' && object.content.value.data).toEqual({ x: '1' });
  });

  test.each([
    ['NotFound', grpc.status.NOT_FOUND],
    ['AlreadyExists', grpc.status.ALREADY_EXISTS],
    ['Conflict', grpc.status.ABORTED],
    ['Invalid', grpc.status.INVALID_ARGUMENT],
    ['Forbidden', grpc.status.PERMISSION_DENIED],
    ['Unauthorized', grpc.status.UNAUTHENTICATED],
    ['Expired', grpc.status.OUT_OF_RANGE],
    ['TooManyRequests', grpc.status.RESOURCE_EXHAUSTED],
    ['Timeout', grpc.status.DEADLINE_EXCEEDED],
    ['ServiceUnavailable', grpc.status.UNAVAILABLE],
    ['InternalError', grpc.status.INTERNAL],
  ] satisfies [StatusReason, grpc.status][])(
    '%s has its own gRPC code and carries the Status',
    async (reason, code) => {
      api.intercept = () => {
        throw new ApiError(reason, 'grüße', { retryAfterSeconds: 3 });
      };
      const error: grpc.ServiceError = await client.unary(method.get, { resource: configMaps, key: key('a') }).then(
        () => Promise.reject(new Error('did not fail')),
        (failure) => failure,
      );
      expect([error.code, error.details]).toEqual([code, 'grüße']);
      const status = JSON.parse(String(error.metadata.get(statusMetadataKey)[0]));
      expect(status).toMatchObject({ kind: 'Status', reason, message: 'grüße', details: { retryAfterSeconds: 3 } });
    },
  );

  test('a failure of ours is INTERNAL and keeps its text to itself', async () => {
    api.intercept = () => {
      throw new Error('secret');
    };
    await expect(client.unary(method.get, { resource: configMaps, key: key('a') })).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
      details: 'an internal error occurred',
    });
  });

  test.each([
    ['no resource', { object: json(configMap('a')) }],
    ['no object', { resource: configMaps }],
    [
      'an object that is no JSON',
      { resource: configMaps, object: { content: { case: 'json' as const, value: Buffer.from('{') } } },
    ],
    ['an object that is a list', { resource: configMaps, object: json([]) }],
  ])('create with %s is INVALID_ARGUMENT', async (_what, request) => {
    await expect(client.unary(method.create, request)).rejects.toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
  });

  test('a caller without a certificate is refused in the handshake', async () => {
    const stranger = new GrpcClient(ResourceService, address, grpc.credentials.createSsl());
    await expect(stranger.unary(method.get, {}, { deadline: Date.now() + 2_000 })).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
    stranger.close();
  });
});

describe('list', () => {
  test('comes page by page, with the version of the whole', async () => {
    const list = api.list.bind(api);
    // The fake client knows no pages: the continue token is where the next one begins.
    api.list = async <T extends TypedObject>(resource: GroupVersionResource, options: ListOptions = {}) => {
      const all = await list<T>(resource, options);
      const start = Number(options.continue ?? 0);
      const end = start + options.limit!;
      const more = end < all.items.length;
      return { ...all, items: all.items.slice(start, end), continue: more ? String(end) : undefined };
    };
    for (const name of ['a', 'b', 'c', 'd', 'e']) await api.create(configMaps, configMap(name));
    const stream = client.serverStream(method.list, { resource: configMaps, namespace: 'default', pageSize: 2 });
    const messages = await stream.toArray();
    expect(messages.map((message) => message.items.map((item: ResourceObject) => parsed(item).metadata?.name))).toEqual(
      [['a', 'b'], ['c', 'd'], ['e']],
    );
    expect(new Set(messages.map((message) => message.resourceVersion)).size).toBe(1);
  });

  test('an empty list is one empty message', async () => {
    const messages = await client.serverStream(method.list, { resource: configMaps }).toArray();
    expect(messages.map((message) => [message.items.length, message.resourceVersion !== ''])).toEqual([[0, true]]);
  });
});

describe('watch', () => {
  const eventNames = Object.fromEntries(Object.entries(EventType).map(([name, value]) => [value, name]));
  const summary = (event: WatchResponse) => [
    eventNames[event.type],
    event.object && parsed(event.object).metadata?.name,
  ];

  test('without a version it begins with what there is, marks the end of that, and goes on', async () => {
    await api.create(configMaps, configMap('a'));
    const stream = client.serverStream(method.watch, { resource: configMaps, namespace: 'default' });
    const events = stream[Symbol.asyncIterator]();
    const next = async () => summary((await events.next()).value);
    expect(await next()).toEqual(['ADDED', 'a']);
    expect(await next()).toEqual(['BOOKMARK', undefined]);
    await api.create(configMaps, configMap('b'));
    expect(await next()).toEqual(['ADDED', 'b']);
    await api.delete(configMaps, key('b'));
    expect(await next()).toEqual(['DELETED', 'b']);
    stream.on('error', () => undefined);
    stream.cancel();
  });

  test('a version that has expired is OUT_OF_RANGE', async () => {
    const first = await api.create<TypedObject>(configMaps, configMap('a'));
    await api.create(configMaps, configMap('b'));
    api.compact();
    const stream = client.serverStream(method.watch, {
      resource: configMaps,
      resourceVersion: first.metadata!.resourceVersion!,
    });
    stream.resume();
    const [error] = await once(stream, 'error');
    expect(error.code).toBe(grpc.status.OUT_OF_RANGE);
  });

  test('a cancelled call ends the watch behind it', async () => {
    const seen = Promise.withResolvers<AbortSignal>();
    const watch = api.watch.bind(api);
    api.watch = (resource, options) => {
      seen.resolve(options.signal!);
      return watch(resource, options);
    };
    const stream = client.serverStream(method.watch, { resource: configMaps, resourceVersion: '0' });
    stream.on('error', () => undefined).resume();
    const signal = await seen.promise;
    expect(signal.aborted).toBe(false);
    stream.cancel();
    await once(signal, 'abort');
  });

  test('a deadline ends the watch behind it', async () => {
    const seen = Promise.withResolvers<AbortSignal>();
    const watch = api.watch.bind(api);
    api.watch = (resource, options) => {
      seen.resolve(options.signal!);
      return watch(resource, options);
    };
    const stream = client.serverStream(
      method.watch,
      { resource: configMaps, resourceVersion: '0' },
      { deadline: Date.now() + 300 },
    );
    stream.resume();
    const [error] = await once(stream, 'error');
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    const signal = await seen.promise;
    if (!signal.aborted) await once(signal, 'abort');
  });

  test('a reader that does not read holds back the source', async () => {
    let taken = 0;
    api.watch = async function* () {
      for (;;) {
        taken++;
        await new Promise((resolve) => setImmediate(resolve));
        yield { type: 'ADDED', object: { ...configMap('big', { x: 'y'.repeat(100_000) }) } } as never;
      }
    };
    const stream = client.serverStream(method.watch, { resource: configMaps, resourceVersion: '1' });
    stream.on('error', () => undefined);
    // A grpc-js client that has never read takes everything; one that has read and stopped does not.
    await once(stream, 'data');
    stream.pause();
    let before = -1;
    while (before !== taken) {
      before = taken;
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(100);
    stream.cancel();
  });
});

/** Bytes in, bytes out, as tools without generated code make their calls. */
async function raw<T>(use: (client: grpc.Client) => Promise<T>): Promise<T> {
  const rawClient = new grpc.Client(address, clientCredentials(pki.files('admin')), {
    'grpc.ssl_target_name_override': 'localhost',
  });
  try {
    return await use(rawClient);
  } finally {
    rawClient.close();
  }
}
const same = (bytes: Buffer) => bytes;
/** A message whose only field is a string. */
const stringField = (field: number, value: string) =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);

describe('standard services', () => {
  /** The status: 1 serving, 2 not serving. */
  const check = (name: string) =>
    raw(
      (rawClient) =>
        new Promise<number | undefined>((resolve, reject) => {
          const done = (error: grpc.ServiceError | null, response?: Buffer) =>
            error ? reject(error) : resolve(response?.[1]);
          rawClient.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, stringField(1, name), done);
        }),
    );

  test('health follows readiness, for the server and for each service', async () => {
    expect([await check(''), await check(ResourceService.typeName)]).toEqual([1, 1]);
    ready = false;
    health.refresh();
    expect([await check(''), await check(ResourceService.typeName)]).toEqual([2, 2]);
    ready = true;
    health.refresh();
    expect(await check('')).toBe(1);
    await expect(check('nobody')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
  });

  test.each(['grpc.reflection.v1', 'grpc.reflection.v1alpha'])(
    '%s lists the services and gives their files',
    (version) =>
      raw(async (rawClient) => {
        const stream = rawClient.makeBidiStreamRequest(`/${version}.ServerReflection/ServerReflectionInfo`, same, same);
        const ask = async (request: Buffer) => {
          stream.write(request);
          return String((await once(stream, 'data'))[0]);
        };
        const listServices = 7;
        const fileContainingSymbol = 4;
        const services = await ask(stringField(listServices, ''));
        expect(services).toContain(ResourceService.typeName);
        expect(services).toContain('grpc.health.v1.Health');
        const files = await ask(stringField(fileContainingSymbol, ResourceService.typeName));
        expect(files).toContain('trimast/resource/v1/resource.proto');
        expect(files).toContain('google/protobuf/struct.proto');
        stream.end();
        await once(stream.resume(), 'end');
      }),
  );
});
