/** The rules of structured merge, on schemas made for them; what they make of Kubernetes' own kinds is in `src/apiserver/verbs/apply.test.ts`. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInSchemas, type Schema, SchemaSet } from '../schema/schema.ts';
import type { KubernetesObject } from '../types.ts';
import { applyConfiguration } from './apply-configuration.ts';
import { compareFields } from './compare.ts';
import {
  difference,
  equalSets,
  type FieldSet,
  hasPath,
  intersection,
  isEmptySet,
  pathsOf,
  recursiveDifference,
  setOfPath,
  union,
} from './field-set.ts';
import { anyType, type FieldType, fieldTypeOfCustomResource, fieldTypeOfSchema } from './field-type.ts';
import type { Manager } from './managers.ts';
import { mergeApplied } from './merge.ts';
import { canonicalSet, formatPath } from './path-element.ts';
import { reconcileSet } from './reconcile.ts';
import { removeFields } from './remove.ts';
import { fieldsOf } from './to-fields.ts';
import { trackUpdate, type Writer } from './track-update.ts';
import { validateApplied } from './validate.ts';
import type { Versions } from './versions.ts';

const item: Schema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    value: { type: 'integer' },
    protocol: { type: 'string', default: 'TCP' },
    port: { type: 'integer' },
  },
};
const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object', properties: { name: { type: 'string' } } },
    text: { type: 'string' },
    number: { type: 'integer' },
    flag: { type: 'boolean' },
    either: { type: 'string', format: 'int-or-string' },
    map: { type: 'object', additionalProperties: { type: 'string' } },
    wholeMap: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
    struct: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    wholeStruct: {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      'x-kubernetes-map-type': 'atomic',
    },
    list: { type: 'array', items: item },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    named: {
      type: 'array',
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    ports: {
      type: 'array',
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
    },
    free: { type: 'object' },
  },
};
const type = fieldTypeOfSchema(new SchemaSet({}), schema);

const kind = { apiVersion: 'example.org/v1', kind: 'Thing' };
const versions: Versions = versionsOf(type);

function versionsOf(of: FieldType): Versions {
  return {
    current: (object) => ({ object, type: of }),
    convert: (object, apiVersion) => (apiVersion === kind.apiVersion ? { object, type: of } : undefined),
    toStored: (object) => object,
  };
}

function writer(name: string, time = '2026-01-01T00:00:00Z'): Writer {
  return { name, apiVersion: kind.apiVersion, subresource: undefined, time, ignored: {} };
}

interface State {
  readonly object: KubernetesObject;
  readonly managers: readonly Manager[];
}

const nothing: State = { object: kind, managers: [] };

function apply(state: State, name: string, configuration: object, force = false, using = versions): State {
  return applyConfiguration(using, state.object, { ...kind, ...configuration }, state.managers, writer(name), force);
}

function update(state: State, name: string, object: object): State {
  const after = { ...kind, ...object };
  return {
    object: after,
    managers: trackUpdate(versions, state.object, after, state.managers, writer(name)) ?? state.managers,
  };
}

function owned({ managers }: State): Record<string, string[]> {
  return Object.fromEntries(managers.map(({ name, fields }) => [name, pathsOf(fields).map(formatPath)]));
}

describe('field sets', () => {
  const set = (...paths: string[]): FieldSet =>
    paths.reduce<FieldSet>((all, path) => union(all, setOfPath(path.split('.').map((step) => `f:${step}`))), {});

  test('difference takes a path and leaves what is below; recursive difference takes both', () => {
    expect(difference(set('a', 'a.b', 'c'), set('a'))).toEqual(set('a.b', 'c'));
    expect(recursiveDifference(set('a', 'a.b', 'c'), set('a'))).toEqual(set('c'));
    expect(recursiveDifference(set('a.b', 'a.c'), set('a.b'))).toEqual(set('a.c'));
  });

  const paths = fc.array(fc.constantFrom('a', 'b', 'a.b', 'a.c', 'a.b.c', 'b.c', 'c.a.b', 'c.a'), { maxLength: 6 });

  test('are sets', () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const [a, b] = [set(...left), set(...right)];
        const has = (all: FieldSet, path: string) =>
          hasPath(
            all,
            path.split('.').map((step) => `f:${step}`),
          );
        for (const path of [...left, ...right]) {
          const [inA, inB] = [left.includes(path), right.includes(path)];
          expect(has(union(a, b), path)).toBe(inA || inB);
          expect(has(intersection(a, b), path)).toBe(inA && inB);
          expect(has(difference(a, b), path)).toBe(inA && !inB);
        }
        expect(equalSets(union(difference(a, b), intersection(a, b)), a)).toBe(true);
        expect(isEmptySet(difference(a, a))).toBe(true);
        expect(canonicalSet(JSON.parse(JSON.stringify(a)))).toEqual(a);
      }),
    );
  });

  test('from a client come into one form', () => {
    const sent = { 'f:a': { '.': {} }, 'f:l': { 'k:{ "b": 1, "a": "x" }': { '.': {}, 'f:c': {} } }, 'q:new': {} };
    expect(canonicalSet(sent)).toEqual({ 'f:a': {}, 'f:l': { 'k:{"a":"x","b":1}': { '.': {}, 'f:c': {} } } });
  });

  test.each([[[]], ['x'], [{ a: {} }], [{ 'k:{': {} }], [{ 'f:a': 1 }], [{ 'v:{}': {} }], [{ 'i:x': {} }]])(
    '%j is none',
    (value) => {
      expect(canonicalSet(value)).toBeUndefined();
    },
  );
});

describe('fields of a configuration', () => {
  test.each<[string, object, string[]]>([
    ['scalars', { text: 'x', number: 0, flag: false, either: 1 }, ['.either', '.flag', '.number', '.text']],
    ['a map by key, an atomic one as a whole', { map: { a: '1' }, wholeMap: { a: '1' } }, ['.wholeMap', '.map.a']],
    ['an empty map, but no empty list', { map: {}, set: [], list: [] }, ['.list', '.map']],
    ['a struct by field', { struct: { a: '1' }, wholeStruct: { a: '1' } }, ['.wholeStruct', '.struct.a']],
    ['a set by value', { set: ['a', 'b'] }, ['.set[="a"]', '.set[="b"]']],
    [
      'items by key, and the key fields that are named',
      { named: [{ name: 'a', value: 1 }] },
      ['.named[name="a"]', '.named[name="a"].name', '.named[name="a"].value'],
    ],
    [
      'items by several keys, one by default',
      { ports: [{ port: 1 }, { port: 1, protocol: 'UDP' }] },
      [
        '.ports[port=1,protocol="TCP"]',
        '.ports[port=1,protocol="UDP"]',
        '.ports[port=1,protocol="TCP"].port',
        '.ports[port=1,protocol="UDP"].port',
        '.ports[port=1,protocol="UDP"].protocol',
      ],
    ],
    ['what has no schema', { free: { a: { b: [1] } } }, ['.free.a', '.free.a.b']],
    ['null', { text: null, map: null }, ['.map', '.text']],
  ])('%s', (_, configuration, expected) => {
    expect(pathsOf(fieldsOf(type, configuration)).map(formatPath)).toEqual(expected);
  });

  test('without any schema: maps by key, lists as a whole', () => {
    const paths = pathsOf(fieldsOf(anyType, { spec: { a: 1, b: [{ c: 1 }] } })).map(formatPath);
    expect(paths).toEqual(['.spec', '.spec.a', '.spec.b']);
  });
});

describe('custom resources', () => {
  const port: Schema = { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } };
  const spec = {
    type: 'object',
    required: ['ports'],
    properties: {
      ports: {
        type: 'array',
        items: port,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      target: { 'x-kubernetes-int-or-string': true },
      template: {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
      },
      rest: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'string' } } },
    },
  } as Schema;
  const metadata = { name: 'x', finalizers: ['a/a'], labels: { l: '1' } };
  const object = {
    ...kind,
    metadata,
    spec: {
      ports: [{ name: 'a', port: 1 }],
      target: '80%',
      template: { apiVersion: 'v1', kind: 'Pod', metadata, spec: { list: [1] } },
      rest: { known: 'a', more: { deep: 1 } },
    },
  };
  const created = (schema: Schema | undefined) => {
    const custom = fieldTypeOfCustomResource(builtInSchemas(), schema);
    expect(validateApplied(custom, object)).toEqual([]);
    const managers = trackUpdate(versionsOf(custom), kind, object, [], writer('one'));
    return pathsOf(managers![0]!.fields).map(formatPath);
  };

  test('with a structural schema', () => {
    expect(created({ type: 'object', properties: { spec } })).toEqual([
      '.spec',
      '.metadata.finalizers',
      '.metadata.labels',
      '.metadata.finalizers[="a/a"]',
      '.metadata.labels.l',
      '.spec.ports',
      '.spec.rest',
      '.spec.target',
      '.spec.template',
      '.spec.ports[name="a"]',
      '.spec.ports[name="a"].name',
      '.spec.ports[name="a"].port',
      '.spec.rest.known',
      '.spec.rest.more',
      '.spec.rest.more.deep',
      '.spec.template.apiVersion',
      '.spec.template.kind',
      '.spec.template.metadata',
      '.spec.template.spec',
      '.spec.template.metadata.finalizers',
      '.spec.template.metadata.labels',
      '.spec.template.metadata.name',
      '.spec.template.metadata.finalizers[="a/a"]',
      '.spec.template.metadata.labels.l',
      '.spec.template.spec.list',
    ]);
  });

  test('without one: lists as a whole, but for those of the metadata', () => {
    expect(created(undefined)).toEqual(
      expect.arrayContaining(['.metadata.finalizers[="a/a"]', '.spec.ports', '.spec.template.metadata.finalizers']),
    );
    expect(created(undefined)).not.toContain('.spec.ports[name="a"]');
  });
});

describe('merging', () => {
  test.each<[string, object, object, object]>([
    ['scalars are replaced', { text: 'a', number: 1 }, { text: 'b' }, { text: 'b', number: 1 }],
    ['maps are merged', { map: { a: '1', b: '1' } }, { map: { a: '2' } }, { map: { a: '2', b: '1' } }],
    ['atomic maps are replaced', { wholeMap: { a: '1', b: '1' } }, { wholeMap: { a: '2' } }, { wholeMap: { a: '2' } }],
    ['atomic lists are replaced', { list: [{ value: 1 }] }, { list: [{ value: 2 }] }, { list: [{ value: 2 }] }],
    ['null leaves what is merged', { map: { a: '1' } }, { map: null }, { map: { a: '1' } }],
    ['null replaces what is not', { text: 'a' }, { text: null }, { text: null }],
    ['sets: new values last', { set: ['a', 'b'] }, { set: ['c', 'b'] }, { set: ['a', 'c', 'b'] }],
    ['sets: in the order applied', { set: ['a', 'b', 'c'] }, { set: ['c', 'a'] }, { set: ['b', 'c', 'a'] }],
    ['sets: in front', { set: ['b'] }, { set: ['a', 'b'] }, { set: ['a', 'b'] }],
    [
      'items are merged by key',
      { named: [{ name: 'a', value: 1, port: 1 }, { name: 'b' }] },
      { named: [{ name: 'c' }, { name: 'a', value: 2 }] },
      { named: [{ name: 'c' }, { name: 'a', value: 2, port: 1 }, { name: 'b' }] },
    ],
    [
      'items that are there twice become one',
      {
        named: [
          { name: 'a', value: 1 },
          { name: 'a', value: 2 },
        ],
      },
      { named: [{ name: 'a', value: 3 }] },
      { named: [{ name: 'a', value: 3 }] },
    ],
  ])('%s', (_, live, applied, expected) => {
    expect(mergeApplied(type, live, applied)).toEqual(expected);
  });
});

describe('validation of what is applied', () => {
  test.each<[object, string[]]>([
    [{ text: 'a', free: { x: [1] }, either: 1, map: null }, []],
    [{ other: 1 }, ['.other: field not declared in schema']],
    [{ number: 'a' }, ['.number: expected numeric (int or float), got string']],
    [{ text: 1, flag: 'x' }, ['.text: expected string, got 1', '.flag: expected boolean, got "x"']],
    [{ map: [] }, ['.map: expected map, got []']],
    [{ set: {} }, ['.set: expected list, got {}']],
    [{ set: ['a', 'a'] }, ['.set: duplicate entries for key [="a"]']],
    [{ named: [{ name: 'a' }, { name: 'a' }] }, ['.named: duplicate entries for key [name="a"]']],
    [
      { named: [{ value: 1 }] },
      [
        '.named: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
      ],
    ],
    [{ named: [{ name: 'a', value: true }] }, ['.named[name="a"].value: expected numeric (int or float), got bool']],
    [{ list: [{ x: 1 }] }, ['.list[0].x: field not declared in schema']],
  ])('%j', (value, expected) => {
    expect(validateApplied(type, value)).toEqual(expected);
  });
});

describe('owners', () => {
  test('an applier owns what it names; what it drops goes', () => {
    const first = apply(nothing, 'one', { text: 'a', map: { a: '1' }, named: [{ name: 'x' }, { name: 'y' }] });
    const second = apply(first, 'one', { map: { b: '1' }, named: [{ name: 'y' }] });
    expect(second.object).toMatchObject({ map: { b: '1' }, named: [{ name: 'y' }] });
    expect(second.object.text ?? null).toBeNull();
    expect(owned(second).one).toEqual(['.map.b', '.named[name="y"]', '.named[name="y"].name']);
  });

  test('an item stays as long as somebody else applies it; what an updater set in it does not hold it', () => {
    const first = apply(nothing, 'one', { named: [{ name: 'x', value: 1 }] });
    const applied = apply(first, 'two', { named: [{ name: 'x', port: 2 }] });
    expect(apply(applied, 'one', {}).object.named).toEqual([{ name: 'x', port: 2 }]);
    const updated = update(first, 'two', { named: [{ name: 'x', value: 1, port: 2 }] });
    expect(apply(updated, 'one', {}).object.named).toBeNull();
  });

  test('with another the field stays', () => {
    const both = apply(apply(nothing, 'one', { map: { a: '1' } }), 'two', { map: { a: '1' } });
    const one = apply(both, 'one', {});
    expect(one.object.map).toEqual({ a: '1' });
    expect(owned(one)).toEqual({ two: ['.map.a'] });
  });

  test('keys that every object of JavaScript has are keys like others', () => {
    const map = (...keys: string[]) => ({ map: Object.fromEntries(keys.map((key) => [key, 'x'])) });
    const state = apply(nothing, 'one', map('constructor', '__proto__', 'toString'));
    const next = update(state, 'two', map('toString', 'valueOf'));
    expect(owned(next)).toEqual({ one: ['.map.toString'], two: ['.map.valueOf'] });
    expect(Object.keys(apply(next, 'one', map('hasOwnProperty')).object.map as object)).toEqual([
      'valueOf',
      'hasOwnProperty',
    ]);
  });

  test('an update takes from all; what it deletes nobody owns', () => {
    const state = apply(nothing, 'one', { map: { a: '1', b: '1', c: '1' } });
    expect(owned(update(state, 'two', { map: { a: '2', c: '1' } }))).toEqual({ one: ['.map.c'], two: ['.map.a'] });
  });

  test('items that are there twice have one owner', () => {
    const state = update(apply(nothing, 'one', { set: ['a'] }), 'two', { set: ['a', 'a'] });
    expect(owned(state)).toEqual({ two: ['.set[="a"]'] });
  });

  test('a conflict names each field; forced, the fields change hands', () => {
    const state = apply(nothing, 'one', { text: 'a', number: 1, list: [{ value: 1 }] });
    const wanted = { text: 'b', number: 1, list: [{ value: 2 }] };
    expect(() => apply(state, 'two', wanted)).toThrow(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .list\n- .text',
    );
    expect(owned(apply(state, 'two', wanted, true))).toEqual({
      one: ['.number'],
      two: ['.list', '.number', '.text'],
    });
  });

  test('what became atomic is owned as a whole, what became unknown is let go', () => {
    const state = apply(nothing, 'one', { struct: { a: '1' }, list: [{ value: 1 }] });
    const atomic: Schema = {
      ...schema,
      properties: { ...schema.properties, struct: { ...schema.properties!.struct, 'x-kubernetes-map-type': 'atomic' } },
    };
    const newer = fieldTypeOfSchema(new SchemaSet({}), atomic);
    expect(pathsOf(reconcileSet(newer, state.managers[0]!.fields)).map(formatPath)).toEqual(['.list', '.struct']);
    expect(() => apply(state, 'two', { struct: { b: '1' } }, false, versionsOf(newer))).toThrow('.struct');
  });

  test('managers of a version that is gone are dropped', () => {
    const state = apply(nothing, 'one', { text: 'a' });
    const old = { ...state, managers: state.managers.map((manager) => ({ ...manager, apiVersion: 'example.org/v0' })) };
    expect(owned(apply(old, 'two', { text: 'b' }))).toEqual({ two: ['.text'] });
  });
});

const text = fc.constantFrom('a', 'b', 'c');
const configuration = fc.record(
  {
    text,
    number: fc.integer({ min: 0, max: 2 }),
    map: fc.dictionary(text, text, { maxKeys: 3 }),
    wholeMap: fc.dictionary(text, text, { maxKeys: 2 }),
    struct: fc.record({ a: text, b: text }, { requiredKeys: [] }),
    set: fc.uniqueArray(text),
    list: fc.array(fc.record({ value: fc.integer({ min: 0, max: 1 }) }), { maxLength: 2 }),
    named: fc.uniqueArray(fc.record({ name: text, value: fc.integer({ min: 0, max: 2 }) }), {
      selector: ({ name }) => name,
    }),
  },
  { requiredKeys: [] },
);

describe('for any configurations', () => {
  const runs = { numRuns: 200 };

  test('to apply twice is to apply once', () => {
    fc.assert(
      fc.property(configuration, configuration, configuration, (before, other, wanted) => {
        const state = apply(apply(nothing, 'zero', before), 'other', other, true);
        const once = apply(state, 'one', wanted, true);
        expect(apply(once, 'one', wanted)).toEqual(once);
      }),
      runs,
    );
  });

  test('who applies by force has what it wants, and owns it', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, wanted) => {
        const after = apply(update(nothing, 'zero', before), 'one', wanted, true);
        const { changed } = compareFields(
          type,
          after.object,
          mergeApplied(type, after.object, wanted) as KubernetesObject,
        );
        expect(changed).toEqual({});
        const mine = after.managers.find(({ name }) => name === 'one')?.fields ?? {};
        expect(mine).toEqual(fieldsOf(type, wanted));
      }),
      runs,
    );
  });

  test('disjoint configurations never conflict, and each can be taken back alone', () => {
    fc.assert(
      fc.property(
        configuration,
        configuration,
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        (a, b, sides) => {
          const left = half(a, 'x', 'a', sides);
          const right = half(
            b,
            'y',
            'b',
            sides.map((side) => !side),
          );
          const both = apply(apply(nothing, 'one', left), 'two', right);
          const back = apply(both, 'one', {});
          expect(Object.keys(owned(back))).toEqual(Object.keys(right).length > 0 ? ['two'] : []);
          expect(JSON.parse(JSON.stringify(back.object, noNulls))).toEqual({ ...kind, ...right });
        },
      ),
      runs,
    );
  });

  test('nobody but its writer owns what an update changed; an update of nothing changes no owner', () => {
    fc.assert(
      fc.property(configuration, configuration, (before, after) => {
        const state = apply(nothing, 'one', before);
        const next = update(state, 'two', after);
        const { changed, removed } = compareFields(type, state.object, next.object);
        for (const { name, fields } of next.managers) {
          if (name !== 'two') expect(intersection(fields, union(changed, removed))).toEqual({});
        }
        expect(trackUpdate(versions, next.object, structuredClone(next.object), next.managers, writer('three'))).toBe(
          undefined,
        );
      }),
      runs,
    );
  });

  test('taking all fields away leaves nothing', () => {
    fc.assert(
      fc.property(configuration, (value) => {
        const fields = fieldsOf(type, value);
        const rest = removeFields(type, value, fields);
        expect(fieldsOf(type, JSON.parse(JSON.stringify(rest ?? {}, noNulls)))).toEqual({});
      }),
      runs,
    );
  });
});

type Configuration = Partial<Record<string, unknown>>;

/** A part that shares no field with the other half: of what is one value, one side only; of maps and lists, own keys. */
function half(whole: Configuration, prefix: string, field: string, sides: readonly boolean[]): Configuration {
  const { map, set, named, struct } = whole as {
    map?: Record<string, string>;
    set?: string[];
    named?: { name: string; value: number }[];
    struct?: Record<string, string>;
  };
  const result: Configuration = {};
  for (const [index, key] of ['text', 'number', 'wholeMap', 'list'].entries()) {
    if (sides[index] && whole[key] !== undefined) result[key] = whole[key];
  }
  const entries = Object.entries(map ?? {}).map(([key, value]) => [prefix + key, value]);
  if (entries.length > 0) result.map = Object.fromEntries(entries);
  if (set && set.length > 0) result.set = set.map((value) => prefix + value);
  if (named && named.length > 0) result.named = named.map(({ name, value }) => ({ name: prefix + name, value }));
  if (struct?.[field] !== undefined) result.struct = { [field]: struct[field] };
  return result;
}

function noNulls(_: string, value: unknown): unknown {
  return value === null ? undefined : value;
}
