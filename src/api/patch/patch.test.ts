import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deploymentDefinition } from '../kinds/deployment/definition.ts';
import { podDefinition } from '../kinds/pod/definition.ts';
import { builtInSchemas } from '../schema/schema.ts';
import { patchKind, patchObject } from './apply.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

interface Patched {
  metadata: { finalizers?: string[]; labels?: object };
  spec: { containers: { name: string }[]; volumes?: object[] };
}

const schemas = builtInSchemas();
const strategic = (target: unknown, patch: unknown) =>
  applyStrategicMergePatch(schemas, podDefinition.schema, target, patch) as Patched;
const container = (name: string, more: object = {}) => ({ name, image: `${name}:1`, ...more });
const pod = (...containers: unknown[]) => ({ spec: { containers } });
const names = (object: Patched) => object.spec.containers.map((item) => item.name);

describe('merge patch', () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)));

  test('applying twice is applying once, and the empty patch changes no object', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const once = applyMergePatch(target, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
      }),
    );
    const record = fc.dictionary(fc.string(), json);
    fc.assert(
      fc.property(record, (target) => {
        expect(applyMergePatch(target, {})).toEqual(target);
      }),
    );
  });

  test('null removes, objects merge, lists are replaced, inputs stay as they were', () => {
    const target = { a: { b: 1, c: 2 }, d: [1] };
    expect(applyMergePatch(target, { a: { b: null, e: { f: null } }, d: [2] })).toEqual({ a: { c: 2, e: {} }, d: [2] });
    expect(target).toEqual({ a: { b: 1, c: 2 }, d: [1] });
  });

  test('a key named __proto__ is only a key', () => {
    const result = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
    expect(Object.keys(result)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('JSON patch', () => {
  test('applies all operations or none, to a copy', () => {
    const target = { a: [1, 2], 'b/c': 1 };
    const patch = [
      { op: 'test', path: '/a/0', value: 1 },
      { op: 'add', path: '/a/-', value: 3 },
      { op: 'remove', path: '/b~1c' },
      { op: 'copy', from: '/a', path: '/d' },
    ];
    expect(applyJsonPatch(target, patch)).toEqual({ a: [1, 2, 3], d: [1, 2, 3] });
    const failing = [...patch, { op: 'test', path: '/a/0', value: 9 }];
    expect(() => applyJsonPatch(target, failing)).toThrow(expect.objectContaining({ code: 422 }));
    expect(target).toEqual({ a: [1, 2], 'b/c': 1 });
  });

  test('what is no patch is BadRequest, what is too much is refused', () => {
    const code = (patch: unknown) => {
      try {
        applyJsonPatch({ a: 'x'.repeat(1000) }, patch);
      } catch (error) {
        return (error as { code: number }).code;
      }
      return 200;
    };
    expect(code({})).toBe(400);
    expect(code([{ op: 'frob', path: '/a' }])).toBe(400);
    expect(code([{ op: 'add', path: '/b' }])).toBe(400);
    expect(code([{ op: 'remove', path: '/b' }])).toBe(422);
    expect(code(Array(10_001).fill({ op: 'test', path: '/a', value: 1 }))).toBe(413);
    const doubling = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/l', path: `/l/${i}` }));
    expect(code([{ op: 'add', path: '/l', value: { x: 'x'.repeat(100) } }, ...doubling])).toBe(413);
  });
});

describe('strategic merge patch', () => {
  test('what a patch adds comes before what it does not name', () => {
    expect(names(strategic(pod(container('a'), container('b')), pod(container('c'))))).toEqual(['c', 'a', 'b']);
    const both = strategic(pod(container('a'), container('b')), pod({ name: 'b', image: 'b:2' }, container('c')));
    expect(names(both)).toEqual(['a', 'b', 'c']);
    const finalizers = strategic({ metadata: { finalizers: ['x/a'] } }, { metadata: { finalizers: ['x/b'] } });
    expect(finalizers.metadata.finalizers).toEqual(['x/b', 'x/a']);
  });

  test('merges lists by their key and leaves other elements alone', () => {
    const patched = strategic(pod(container('a'), container('b')), pod({ name: 'b', image: 'b:2' }, container('c')));
    expect(patched).toEqual(pod(container('a'), { name: 'b', image: 'b:2' }, container('c')));
  });

  test('$patch: delete removes an element, $patch: replace the whole list or object', () => {
    const target = pod(container('a'), container('b'));
    expect(names(strategic(target, pod({ name: 'a', $patch: 'delete' })))).toEqual(['b']);
    expect(strategic(target, pod({ $patch: 'replace' }, container('z')))).toEqual(pod(container('z')));
    const labels = { metadata: { labels: { a: '1', b: '2' } } };
    expect(strategic(labels, { metadata: { labels: { $patch: 'replace', c: '3' } } })).toEqual({
      metadata: { labels: { c: '3' } },
    });
    expect(strategic(labels, { metadata: { labels: { $patch: 'delete' } } })).toEqual({ metadata: { labels: {} } });
    expect(() => strategic(labels, { metadata: { $patch: 'frob' } })).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('$setElementOrder orders named elements and keeps the others where they were', () => {
    const target = pod(container('a'), container('x'), container('b'));
    const patch = {
      spec: {
        '$setElementOrder/containers': [{ name: 'new' }, { name: 'b' }, { name: 'a' }],
        containers: [container('new')],
      },
    };
    expect(names(strategic(target, patch))).toEqual(['new', 'x', 'b', 'a']);
    const only = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }, { name: 'gone' }] } };
    expect(names(strategic(pod(container('a'), container('b')), only))).toEqual(['b', 'a']);
  });

  test('a patch whose list contradicts its own $setElementOrder is BadRequest', () => {
    const patch = (...order: string[]) => ({
      spec: {
        '$setElementOrder/containers': order.map((name) => ({ name })),
        containers: [container('a'), container('b')],
      },
    });
    expect(names(strategic(pod(), patch('a', 'x', 'b')))).toEqual(['a', 'b']);
    expect(() => strategic(pod(), patch('b', 'a'))).toThrow(expect.objectContaining({ code: 400 }));
    expect(() => strategic(pod(), patch('a'))).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('scalar lists merge as sets, $deleteFromPrimitiveList removes', () => {
    const target = { metadata: { finalizers: ['a/1', 'a/2'] } };
    expect(strategic(target, { metadata: { finalizers: ['a/2', 'a/3'] } }).metadata.finalizers).toEqual([
      'a/1',
      'a/2',
      'a/3',
    ]);
    const patch = {
      metadata: {
        '$deleteFromPrimitiveList/finalizers': ['a/1'],
        '$setElementOrder/finalizers': ['a/3', 'a/2'],
        finalizers: ['a/3'],
      },
    };
    expect(strategic(target, patch).metadata.finalizers).toEqual(['a/3', 'a/2']);
  });

  test('$retainKeys clears the other members of a union', () => {
    const target = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
    const volume = { name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } };
    expect(strategic(target, { spec: { volumes: [volume] } }).spec.volumes).toEqual([
      { name: 'v', hostPath: { path: '/x' } },
    ]);
    const wrong = { name: 'v', $retainKeys: ['name'], hostPath: { path: '/x' } };
    expect(() => strategic(target, { spec: { volumes: [wrong] } })).toThrow(expect.objectContaining({ code: 422 }));
  });

  test('atomic lists are replaced; null removes; new parts lose nulls and directives', () => {
    const target = pod(container('a', { command: ['x', 'y'], env: [{ name: 'A', value: '1' }] }));
    const patch = pod({
      name: 'a',
      command: ['z'],
      env: [
        { name: 'A', value: null },
        { name: 'B', value: null },
      ],
    });
    expect(strategic(target, patch)).toEqual(
      pod(container('a', { command: ['z'], env: [{ name: 'A' }, { name: 'B' }] })),
    );
    const added = strategic({}, { spec: { '$setElementOrder/containers': [{ name: 'a' }], nodeName: null } });
    expect(added).toEqual({ spec: {} });
  });

  test('a list element without its merge key is BadRequest', () => {
    expect(() => strategic(pod(container('a')), pod({ image: 'x' }))).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('patching with what is already there changes nothing', () => {
    const arbitraryPod = fc
      .uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 4 })
      .map((list) => pod(...list.map((name) => container(name, { env: [{ name: 'A', value: name }] }))));
    fc.assert(
      fc.property(arbitraryPod, (target) => {
        expect(strategic(target, target)).toEqual(target);
      }),
    );
  });
});

describe('patchObject()', () => {
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec: { replicas: 1 } };
  const run = (patch: unknown, fieldValidation: 'Strict' | 'Warn' = 'Strict') =>
    patchObject(
      schemas,
      deploymentDefinition,
      'strategic',
      deployment,
      { value: patch, duplicates: [] },
      { fieldValidation },
    );

  test('decodes the outcome; unknown fields and wrong types are Invalid at field "patch"', () => {
    expect(run({ spec: { replicas: 2 } })).toEqual({ ...deployment, spec: { replicas: 2 } });
    expect(() => run({ spec: { foo: 1 } })).toThrow(
      ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"foo\\":1}}": strict decoding error: unknown field "spec.foo"',
    );
    expect(run({ spec: { foo: 1 } }, 'Warn')).toEqual(deployment);
    expect(() => run({ spec: { replicas: 'x' } })).toThrow(expect.objectContaining({ code: 422 }));
  });

  test('patchKind() knows the three media types', () => {
    expect(patchKind('application/strategic-merge-patch+json; charset=utf-8')).toBe('strategic');
    expect(() => patchKind('application/json')).toThrow(expect.objectContaining({ code: 415 }));
  });
});
