import { expect, it } from 'vitest';
import { specOf } from '../testing.ts';
import { applyDefaults, dropNulls } from './defaults.ts';
import { matchesFormat } from './formats.ts';
import { prune } from './prune.ts';
import type { StructuralSchema } from './schema.ts';
import { validateUniqueItems } from './unique-items.ts';
import { validateBySchema } from './validate.ts';

const text: StructuralSchema = { type: 'string' };
const keep = { 'x-kubernetes-preserve-unknown-fields': true } as const;

function problems(value: unknown, schema: StructuralSchema, before?: unknown): string[] {
  const old = before === undefined ? undefined : { value: before };
  return validateBySchema(value, schema, old).map(({ field, message }) => `${field}: ${message}`);
}

it('what a schema does not know is dropped and told, but where it says to keep it', () => {
  const schema = specOf({
    a: text,
    kept: { type: 'object', ...keep, properties: { k: specOf({}) } },
    list: { type: 'array', items: { type: 'object', properties: { x: text } } },
  });
  const object = {
    kind: 'Thing',
    metadata: { x: 1 },
    z: 1,
    spec: { a: 'x', b: 1, kept: { any: 1, k: { spec: {}, q: 1 } }, list: [{ x: '1', y: 2 }] },
  };
  expect(prune(object, schema)).toEqual(['z', 'spec.b', 'spec.kept.k.q', 'spec.list[0].y']);
  expect(object).toEqual({
    kind: 'Thing',
    metadata: { x: 1 },
    spec: { a: 'x', kept: { any: 1, k: { spec: {} } }, list: [{ x: '1' }] },
  });
});

it('defaults fill what is absent, and null where null is not allowed', () => {
  const schema: StructuralSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'x' },
      b: { type: 'object', default: {}, properties: { c: { type: 'integer', default: 3 } } },
      n: { type: 'string', nullable: true, default: 'y' },
      gone: text,
    },
  };
  const object: Record<string, unknown> = { a: null, n: null, gone: null };
  dropNulls(object, schema);
  applyDefaults(object, schema);
  expect(object).toEqual({ a: 'x', b: { c: 3 }, n: null });
  object.b = { c: 4 };
  applyDefaults(object, schema);
  expect(object.b).toEqual({ c: 4 });
});

it('values are judged in the words of upstream', () => {
  const schema = specOf(
    {
      s: { type: 'string', minLength: 2, pattern: '^[a-z]+$' },
      i: { type: 'integer', maximum: 5 },
      e: { type: 'string', enum: ['a', 'b'] },
      one: { type: 'object', oneOf: [{ required: ['p'] }, { required: ['q'] }] },
    },
    { required: ['s'] },
  );
  expect(problems({ spec: {} }, schema)).toEqual(['spec.s: Required value']);
  expect(problems({ spec: { s: 'A' } }, schema)).toEqual([
    'spec.s: Invalid value: "A": spec.s in body should be at least 2 chars long',
    'spec.s: Invalid value: "A": spec.s in body should match \'^[a-z]+$\'',
  ]);
  expect(problems({ spec: { s: 'ab', i: 'x' } }, schema)).toEqual([
    'spec.i: Invalid value: "string": spec.i in body must be of type integer: "string"',
  ]);
  expect(problems({ spec: { s: 'ab', i: 6, e: 'c' } }, schema)).toEqual([
    'spec.i: Invalid value: 6: spec.i in body should be less than or equal to 5',
    'spec.e: Unsupported value: "c": supported values: "a", "b"',
  ]);
  expect(problems({ spec: { s: 'ab', one: {} } }, schema)[0]).toBe(
    '<nil>: Invalid value: "": "spec.one" must validate one and only one schema (oneOf). Found none valid',
  );
});

it('what was there before is not held against a change', () => {
  const item: StructuralSchema = { type: 'object', properties: { k: text, v: { type: 'string', maxLength: 1 } } };
  const schema = specOf({
    a: { type: 'string', maxLength: 1 },
    list: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: item },
  });
  const before = { spec: { a: 'long', list: [{ k: 'x', v: 'long' }] } };
  expect(
    problems(
      {
        spec: {
          ...before.spec,
          list: [
            { k: 'y', v: '1' },
            { k: 'x', v: 'long' },
          ],
        },
      },
      schema,
      before,
    ),
  ).toEqual([]);
  expect(problems({ spec: { ...before.spec, a: 'longer' } }, schema, before)).toEqual([
    'spec.a: Too long: may not be more than 1 byte',
  ]);
});

it('sets have no item twice, and lists like maps no key', () => {
  const schema = specOf({
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
    map: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: specOf({}) },
  });
  const found = validateUniqueItems({ spec: { set: ['a', 'b', 'a'], map: [{ k: 1 }, { k: 1 }] } }, schema);
  expect(found.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'spec.set[2]: Duplicate value: "a"',
    'spec.map[1]: Duplicate value: {"k":1}',
  ]);
});

it('formats', () => {
  const right = {
    'date-time': '2024-02-29T12:00:00Z',
    date: '2024-02-29',
    duration: '1h',
    byte: 'YWI=',
    ipv4: '1.2.3.4',
    cidr: '10.0.0.0/8',
    uuid: '123e4567-e89b-12d3-a456-426614174000',
    hostname: 'a.b',
    email: 'a@b.c',
    mac: '01:02:03:04:05:06',
    hexcolor: '#fff',
    isbn: '0-306-40615-2',
  };
  for (const [format, value] of Object.entries(right)) {
    expect([format, matchesFormat(format, value)]).toEqual([format, true]);
    expect([format, matchesFormat(format, '~ no ~')]).toEqual([format, false]);
  }
  expect(matchesFormat('nobody-knows', '~ no ~')).toBe(true);
});
