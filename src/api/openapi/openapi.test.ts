import { describe, expect, test } from 'vitest';
import { createKindRegistry } from '../registry.ts';
import { builtInSchemas } from '../schema/schema.ts';
import { createOpenApi } from './document.ts';

interface Operation {
  readonly parameters: readonly { name: string }[];
  readonly requestBody?: { readonly content: object };
  readonly 'x-kubernetes-group-version-kind': {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  };
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

const registry = createKindRegistry();
const openApi = createOpenApi(builtInSchemas(), registry.definitions, 'v1.35.0');
const index = openApi.index() as { paths: Record<string, { serverRelativeURL: string }> };
const read = (path: string) => JSON.parse(openApi.document(path)!.bytes.toString()) as Document;

test('the index names a document for each group-version, by its hash', () => {
  expect(Object.keys(index.paths)).toContain('api/v1');
  expect(Object.keys(index.paths)).toContain('apis/apps/v1');
  const { hash } = openApi.document('apis/apps/v1')!;
  expect(index.paths['apis/apps/v1']).toEqual({ serverRelativeURL: `/openapi/v3/apis/apps/v1?hash=${hash}` });
  expect(openApi.document('apis/example.com/v1')).toBeUndefined();
});

describe.each(Object.keys(index.paths))('%s', (path) => {
  const document = read(path);

  test('every reference leads somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1]!,
    );
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) expect(document.components.schemas).toHaveProperty([reference]);
  });

  test('every PATCH tells kind, field validation and strategic merge, which kubectl looks for', () => {
    const patches = Object.values(document.paths).flatMap((item) => (item.patch ? [item.patch] : []));
    expect(patches.length).toBeGreaterThan(0);
    for (const patch of patches) {
      expect(patch['x-kubernetes-group-version-kind'].kind).not.toBe('');
      expect(patch.parameters.map((parameter) => parameter.name)).toEqual(
        expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation', 'force']),
      );
      expect(patch.requestBody?.content).toHaveProperty(['application/strategic-merge-patch+json']);
    }
  });
});

test('merge keys and kinds of schemas survive', () => {
  const { schemas } = read('api/v1').components;
  expect(schemas['io.k8s.api.core.v1.PodSpec']).toMatchObject({
    properties: { containers: { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge' } },
  });
  expect(schemas['io.k8s.api.core.v1.Pod']).toMatchObject({
    properties: { spec: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSpec' }] } },
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Pod', version: 'v1' }],
  });
});
