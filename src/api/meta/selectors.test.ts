import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podDefinition } from '../kinds/pod/definition.ts';
import { checkFieldSelector, matchesFields, parseFieldSelector, requiredName } from './field-selector.ts';
import { rollingUpdateBounds, scaledValue } from './int-or-string.ts';
import {
  formatLabelSelector,
  type LabelRequirement,
  matchesLabels,
  parseLabelSelector,
  selectorMatches,
  validateLabelSelector,
} from './label-selector.ts';

describe('parseLabelSelector()', () => {
  test.each([
    ['app=web', { app: 'web' }, true],
    ['app==web', { app: 'db' }, false],
    ['app = web , tier', { app: 'web', tier: '' }, true],
    ['app!=web', {}, true],
    ['app!=web', { app: 'web' }, false],
    ['tier in (a, b)', { tier: 'b' }, true],
    ['tier in (a,b)', {}, false],
    ['tier notin (a,b)', {}, true],
    ['tier notin (a,b)', { tier: 'a' }, false],
    ['!old', { old: 'yes' }, false],
    ['!old,app', { app: '' }, true],
    ['n>3', { n: '4' }, true],
    ['n<3', { n: 'x' }, false],
    ['app=', { app: '' }, true],
    ['in in (in)', { in: 'in' }, true],
    ['inbox', { inbox: '1' }, true],
    ['a.b/c=d', { 'a.b/c': 'd' }, true],
    ['', { any: 'thing' }, true],
    ['constructor', {}, false],
  ])('%j on %j → %s', (selector, labels, expected) => {
    expect(matchesLabels(parseLabelSelector(selector), labels as unknown as Record<string, string>)).toBe(expected);
  });

  test.each(['=a', 'a=b=c', 'a in', 'a in (b', 'a,', 'a b', '!a=b', 'a=-x-', 'a>b', 'a/b/c', '(a)'])(
    'refuses %j with BadRequest',
    (selector) => {
      expect(() => parseLabelSelector(selector)).toThrow(expect.objectContaining({ code: 400 }));
    },
  );

  test('what formatLabelSelector() writes reads back as the same', () => {
    const key = fc.stringMatching(/^[a-z]{1,5}(\/[a-z]{1,4})?$/);
    const values = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,4}$/), { minLength: 1, maxLength: 3 });
    const requirement: fc.Arbitrary<LabelRequirement> = fc
      .tuple(key, fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const), values)
      .map(([key, operator, values]) => ({
        key,
        operator,
        values: operator === 'In' || operator === 'NotIn' ? values.sort() : [],
      }));
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), (requirements) => {
        expect(parseLabelSelector(formatLabelSelector(requirements))).toEqual(requirements);
      }),
    );
  });
});

test('selectorMatches(): absent selects nothing, empty everything', () => {
  expect(selectorMatches(undefined, { a: 'b' })).toBe(false);
  expect(selectorMatches({}, undefined)).toBe(true);
  const selector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'DoesNotExist' }] };
  expect(selectorMatches(selector, { a: 'b' })).toBe(true);
  expect(selectorMatches(selector, { a: 'b', c: '' })).toBe(false);
});

test('validateLabelSelector() tells the field of what is wrong', () => {
  const selector = {
    matchLabels: { 'a b': 'c' },
    matchExpressions: [
      { key: 'a', operator: 'In' },
      { key: 'a', operator: 'X' },
    ],
  };
  expect(validateLabelSelector(selector, 'spec.selector').map((error) => [error.field, error.reason])).toEqual([
    ['spec.selector.matchLabels', 'FieldValueInvalid'],
    ['spec.selector.matchExpressions[0].values', 'FieldValueRequired'],
    ['spec.selector.matchExpressions[1].operator', 'FieldValueInvalid'],
  ]);
});

test('field selectors: equality, negation, escapes, and only fields that the kind offers', () => {
  const pod = { metadata: { name: 'a', namespace: 'n' }, spec: { nodeName: 'x,y' }, status: { phase: 'Running' } };
  const match = (text: string) => matchesFields(parseFieldSelector(text), podDefinition, pod);
  expect(match('metadata.name=a,status.phase!=Failed')).toBe(true);
  expect(match('spec.nodeName==x\\,y')).toBe(true);
  expect(match('spec.nodeName!=x\\,y')).toBe(false);
  expect(match('spec.hostNetwork=false')).toBe(true);
  expect(match('')).toBe(true);
  expect(requiredName(parseFieldSelector('status.phase=x,metadata.name=a'))).toBe('a');
  expect(() => checkFieldSelector(parseFieldSelector('spec.foo=a'), podDefinition)).toThrow(
    'field label not supported: spec.foo',
  );
  expect(() => parseFieldSelector('nonsense')).toThrow(expect.objectContaining({ code: 400 }));
});

test('percentages: surge rounds up, unavailable down, never both zero', () => {
  expect(scaledValue('25%', 3, true)).toBe(1);
  expect(scaledValue('25%', 3, false)).toBe(0);
  expect(scaledValue('x', 3, false)).toBeUndefined();
  expect(rollingUpdateBounds('25%', '25%', 10)).toEqual({ surge: 3, unavailable: 2 });
  expect(rollingUpdateBounds(0, '10%', 3)).toEqual({ surge: 0, unavailable: 1 });
});
