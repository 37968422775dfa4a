import { expect, it } from 'vitest';
import { definitionOf, specOf, versionOf } from '../../api/custom-resources/testing.ts';
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import { isReason } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { createTestApi } from '../testing/test-api.ts';
import { customResourceDefinitions } from './registry.ts';
import { webhookConversion } from './webhook-conversion.ts';

const things = { group: 'example.com', version: 'v1', resource: 'things' };
const key = { namespace: 'default', name: 'a' };

function thing(spec: object, apiVersion = 'example.com/v1'): KubernetesObject {
  return { apiVersion, kind: 'Thing', metadata: { ...key }, spec };
}

/** With what the controller would say of the names. */
async function serve(api: Awaited<ReturnType<typeof createTestApi>>, definition: CustomResourceDefinition) {
  const { client } = api;
  const created = await client.create<KubernetesObject>(customResourceDefinitions, definition as never);
  const status = {
    acceptedNames: definition.spec.names,
    conditions: [
      { type: 'Established', status: 'True', reason: 'x', message: 'y', lastTransitionTime: '2024-01-01T00:00:00Z' },
    ],
    storedVersions: ['v1'],
  };
  return client.update(customResourceDefinitions, { ...created, status } as never, 'status');
}

const count = { type: 'integer', minimum: 1, default: 2 } as const;

it('a kind is served from the moment its definition is established, and not after', async () => {
  const api = await createTestApi();
  const { client } = api;
  await client.create(customResourceDefinitions, definitionOf(specOf({ count })) as never);
  await expect(client.create(things, thing({}))).rejects.toThrow('could not find the requested resource');
  await client.delete(customResourceDefinitions, { name: 'things.example.com' });
  const held = await client.get(customResourceDefinitions, { name: 'things.example.com' });
  expect(held.metadata?.finalizers).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
  await client.update(customResourceDefinitions, { ...held, metadata: { ...held.metadata, finalizers: [] } });
  await serve(api, definitionOf(specOf({ count })));
  const created = await client.create<KubernetesObject>(things, thing({ extra: 1 }));
  expect(created).toMatchObject({ spec: { count: 2 }, metadata: { generation: 1 } });
  expect(created.spec).not.toHaveProperty('extra');
  const events = client.watch(things, { namespace: 'default', resourceVersion: created.metadata!.resourceVersion! });
  const ended = (async () => {
    for await (const event of events) if (event.type === 'ERROR') return 'error';
    return 'closed';
  })();
  await client.delete(customResourceDefinitions, { name: 'things.example.com' });
  await expect(ended).resolves.toBe('closed');
  await expect(client.create(things, thing({}))).rejects.toThrow('while custom resource definition is terminating');
});

it('status, generation and scale have endpoints of their own', async () => {
  const api = await createTestApi();
  const { client } = api;
  const schema = specOf({ count });
  const scale = { specReplicasPath: '.spec.count', statusReplicasPath: '.status.count' };
  const status = { type: 'object', properties: { count: { type: 'integer' } } };
  const properties = { ...schema.properties, status };
  await serve(api, definitionOf({ ...schema, properties }, { subresources: { status: {}, scale } }));
  const created = await client.create<KubernetesObject>(things, { ...thing({ count: 3 }), status: { count: 9 } });
  expect(created.status).toBeUndefined();
  const told = await client.update<KubernetesObject>(
    things,
    { ...created, spec: { count: 7 }, status: { count: 1 } },
    'status',
  );
  expect(told).toMatchObject({ spec: { count: 3 }, status: { count: 1 }, metadata: { generation: 1 } });
  const user = { name: 'admin', groups: ['system:masters'] };
  const target = { resource: things, ...key, subresource: 'scale' };
  expect(await api.api.getScale({ user }, target)).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 1 } });
  await api.api.patchScale({ user }, target, { type: 'merge', patch: { spec: { replicas: 5 } } });
  expect(await client.get(things, key)).toMatchObject({ spec: { count: 5 }, metadata: { generation: 2 } });
});

it('versions are one object; a schema that changes later counts when it is read', async () => {
  const api = await createTestApi();
  const { client } = api;
  const definition = definitionOf(specOf({ count }));
  definition.spec.versions.push(versionOf('v2', specOf({ count, more: { type: 'string', default: 'here' } })));
  const served = (await serve(api, definition)) as unknown as CustomResourceDefinition;
  await client.create(things, thing({ count: 4 }));
  const v2 = { ...things, version: 'v2' };
  expect(await client.get(v2, key)).toMatchObject({ apiVersion: 'example.com/v2', spec: { count: 4, more: 'here' } });
  await client.patch(v2, key, 'merge', { spec: { count: 5 } });
  expect(await client.get(things, key)).toMatchObject({ apiVersion: 'example.com/v1', spec: { count: 5 } });
  const changed = structuredClone(served);
  changed.spec.versions[0] = versionOf('v1', specOf({ count, late: { type: 'string', default: 'x' } }), {
    storage: true,
  });
  await client.update(customResourceDefinitions, changed as never);
  expect(await client.get(things, key)).toMatchObject({ spec: { count: 5, late: 'x' } });
  expect((await client.list<KubernetesObject>(things)).items[0]?.spec).toEqual({ count: 5, late: 'x' });
});

it('rules decide, transition rules by what was there', async () => {
  const api = await createTestApi();
  const { client } = api;
  const rules = [
    { rule: 'self.count < 10', message: 'fewer than ten' },
    { rule: 'self.count >= oldSelf.count', messageExpression: "'there were %d'.format([oldSelf.count])" },
  ];
  await serve(api, definitionOf(specOf({ count }, { 'x-kubernetes-validations': rules })));
  await expect(client.create(things, thing({ count: 11 }))).rejects.toThrow('spec: Invalid value: fewer than ten');
  await client.create(things, thing({ count: 5 }));
  const shrink = client.patch(things, key, 'merge', { spec: { count: 4 } });
  await expect(shrink).rejects.toThrow('spec: Invalid value: there were 5');
});

it('fields are selected by what the version shows', async () => {
  const api = await createTestApi();
  const { client } = api;
  await serve(api, definitionOf(specOf({ count }), { selectableFields: [{ jsonPath: '.spec.count' }] }));
  await client.create(things, thing({}));
  expect((await client.list(things, { fieldSelector: 'spec.count=2' })).items).toHaveLength(1);
  expect((await client.list(things, { fieldSelector: 'spec.count!=2' })).items).toHaveLength(0);
  await expect(client.list(things, { fieldSelector: 'spec.x=2' })).rejects.toThrow('field label not supported: spec.x');
  const seen: string[] = [];
  const watch = client.watch<KubernetesObject>(things, { fieldSelector: 'spec.count=2', resourceVersion: '0' });
  const reading = (async () => {
    for await (const event of watch) if (seen.push(event.type) === 3) return;
  })();
  await client.patch(things, key, 'merge', { spec: { count: 3 } });
  await client.patch(things, key, 'merge', { spec: { count: 2 } });
  await reading;
  expect(seen).toEqual(['ADDED', 'DELETED', 'ADDED']);
});

it('server-side apply knows lists like maps and who owns what', async () => {
  const api = await createTestApi();
  const { client } = api;
  const item = { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'integer' } } };
  const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: item };
  await serve(api, definitionOf(specOf({ list })));
  const apply = (fieldManager: string, items: object[]) =>
    client.patch<KubernetesObject>(things, key, 'apply', thing({ list: items }), undefined, { fieldManager });
  await apply('one', [{ k: 'a', v: 1 }]);
  const both = await apply('two', [{ k: 'b', v: 2 }]);
  expect(both.spec).toEqual({
    list: [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ],
  });
  await expect(apply('two', [{ k: 'a', v: 3 }])).rejects.toSatisfy((error) => isReason(error, 'Conflict'));
});

it('a conversion webhook may change nothing but content, labels and annotations', async () => {
  const definition = definitionOf(specOf({ count }));
  definition.spec.conversion = {
    strategy: 'Webhook',
    webhook: { clientConfig: { url: 'https://example.com/' }, conversionReviewVersions: ['v7', 'v1'] },
  };
  const answer = (objects: object[], status = 'Success') => ({
    post: ({ body }: { body: string }) => {
      const { apiVersion, request } = JSON.parse(body);
      const response = { uid: request.uid, convertedObjects: objects, result: { status, message: status } };
      return Promise.resolve({ apiVersion, kind: 'ConversionReview', response });
    },
  });
  const object = { ...thing({}), metadata: { ...key, uid: 'u', generation: 3 } };
  const convert = (client: ReturnType<typeof answer>) =>
    webhookConversion(definition, client, () => 'id')([object], 'example.com/v2');
  const good = { ...thing({ b: 1 }, 'example.com/v2'), metadata: { ...key, uid: 'u', labels: { l: 'x' } } };
  expect(await convert(answer([good]))).toEqual([{ ...good, metadata: { ...good.metadata, generation: 3 } }]);
  await expect(convert(answer([]))).rejects.toThrow('returned 0 objects, expected 1');
  await expect(convert(answer([object]))).rejects.toThrow(
    'invalid groupVersion (expected example.com/v2, received example.com/v1)',
  );
  await expect(convert(answer([{ ...good, metadata: { ...good.metadata, name: 'b' } }]))).rejects.toThrow(
    'metadata.name may not change',
  );
  await expect(convert(answer([good], 'Failure'))).rejects.toThrow('failed: Failure');
});
