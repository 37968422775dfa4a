import { describe, expect, it } from 'vitest';
import { validateNewDefinition } from '../../kinds/custom-resource-definition/validate.ts';
import type { StructuralSchema } from '../schema/schema.ts';
import { definitionOf, specOf } from '../testing.ts';

const base = 'spec.validation.openAPIV3Schema';

/** `field: message` of everything that is wrong. */
function problems(schema: StructuralSchema, options = {}): string[] {
  return validateNewDefinition(definitionOf(schema, options)).map(({ field, message }) => `${field}: ${message}`);
}

const text: StructuralSchema = { type: 'string' };

describe('schemas of definitions, as kube-apiserver 1.35 judges them', () => {
  const cases: readonly [string, StructuralSchema, readonly string[]][] = [
    ['a plain one', specOf({ a: text }), []],
    ['no type at the root', { properties: {} }, [`${base}.type: Required value: must not be empty at the root`]],
    [
      'another type at the root',
      { type: 'array', items: text },
      [`${base}.type: Invalid value: "array": must be object at the root`],
    ],
    [
      'a field without a type',
      specOf({ a: {} }),
      [`${base}.properties[spec].properties[a].type: Required value: must not be empty for specified object fields`],
    ],
    [
      'a list without items',
      specOf({ a: { type: 'array' } }),
      [`${base}.properties[spec].properties[a].items: Required value: must be specified`],
    ],
    [
      'types in logic',
      specOf({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
      [`${base}.properties[spec].properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
    ],
    [
      'an int or string',
      specOf({ a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }),
      [],
    ],
    [
      'a list like a map without keys',
      specOf({ a: { type: 'array', items: specOf({}), 'x-kubernetes-list-type': 'map' } }),
      [
        `${base}.properties[spec].properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
      ],
    ],
    [
      'a default of another type',
      specOf({ a: { type: 'string', default: 1 } }),
      [
        `${base}.properties[spec].properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"`,
      ],
    ],
    [
      'a default with unknown fields',
      specOf({ a: { type: 'object', properties: { b: text }, default: { c: 1 } } }),
      [`${base}.properties[spec].properties[a].default: Invalid value: {"c":1}: must not have unknown fields`],
    ],
    [
      'a pattern that RE2 cannot read',
      specOf({ a: { type: 'string', pattern: '(?<!x)' } }),
      [expect.stringContaining('must be a valid regular expression') as never],
    ],
    [
      'metadata beyond the name',
      { type: 'object', properties: { metadata: specOf({}) } },
      [
        `${base}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
  ];
  for (const [name, schema, expected] of cases) it(name, () => expect(problems(schema)).toEqual(expected));

  it('nesting has a limit', () => {
    const deep = Array.from({ length: 500 }).reduce<StructuralSchema>(
      (inner) => ({ type: 'object', properties: { a: inner } }),
      text,
    );
    expect(problems(deep)).toEqual([`${base}: Forbidden: schemas may not be nested more than 100 levels deep`]);
  });
});

describe('rules of definitions', () => {
  const rules = (...list: object[]) =>
    specOf(
      { a: { type: 'integer' }, l: { type: 'array', items: text } },
      { 'x-kubernetes-validations': list as never },
    );
  const place = `${base}.properties[spec].x-kubernetes-validations[0]`;

  it('that compile and cost little are taken', () =>
    expect(problems(rules({ rule: 'self.a > 1', message: 'too small' }))).toEqual([]));

  it('what does not compile is shown with its place', () => {
    expect(problems(rules({ rule: 'self.b > 1' }))).toEqual([
      `${place}.rule: Invalid value: {"Rule":"self.b \\u003e 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^`,
    ]);
  });

  it('that may cost too much are refused, with the same estimate', () => {
    const found = problems(rules({ rule: 'self.l.all(x, self.l.all(y, x == y))' }));
    expect(found[0]).toBe(
      `${place}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
    );
    expect(found.at(-1)).toContain('estimated rule cost total for entire OpenAPIv3 schema exceeds budget');
  });

  it('oldSelf needs something to compare with', () => {
    const items = { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] };
    expect(problems(specOf({ a: { type: 'array', maxItems: 3, items } }))).toEqual([
      `${base}.properties[spec].properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${base}.properties[spec].properties[a]`,
    ]);
    expect(problems(rules({ rule: 'true', optionalOldSelf: true }))).toEqual([
      `${place}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
    ]);
  });
});

it('columns, scale, selectable fields', () => {
  const options = {
    additionalPrinterColumns: [{ name: 'x', type: 'foo', jsonPath: 'a' }],
    subresources: { scale: { specReplicasPath: '.a', statusReplicasPath: '.status.r' } },
    selectableFields: [{ jsonPath: '.spec.q' }],
  };
  expect(problems(specOf({ a: text }), options)).toEqual([
    'spec.subresources.scale.specReplicasPath: Invalid value: ".a": should be a json path under .spec',
    'spec.additionalPrinterColumns[0].type: Invalid value: "foo": must be one of boolean,date,integer,number,string',
    'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
    'spec.selectableFields[0].jsonPath: Invalid value: ".spec.q": is an invalid path: does not refer to a valid field',
  ]);
});
