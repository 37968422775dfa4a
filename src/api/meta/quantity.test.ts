import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  unitValue,
} from './quantity.ts';

describe('canonicalQuantity()', () => {
  test.each([
    ['0', '0'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1000', '1k'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Mi', '512Ki'],
    ['100Ki', '100Ki'],
    ['0.5Ki', '512'],
    ['1e3', '1e3'],
    ['12E3', '12e3'],
    ['1E', '1E'],
    ['0.0000000001', '1n'],
    ['-1.5', '-1500m'],
    ['.5', '500m'],
    ['+3.', '3'],
    ['10E', '9223372036854775807'],
  ])('%s → %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  test.each(['', 'x', '1Q', '1.2.3', '.', '1e', '1Kib', '1 Gi', '--1', '1e9999'])('refuses %j', (text) => {
    expect(() => canonicalQuantity(text)).toThrow();
  });
});

const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'n', 'u');
const quantityText = fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), suffix).map(([n, s]) => `${n}${s}`);

test('a canonical form means the same value and is canonical itself', () => {
  fc.assert(
    fc.property(quantityText, (text) => {
      const quantity = parseQuantity(text);
      const canonical = formatQuantity(quantity);
      expect(compareQuantities(parseQuantity(canonical), quantity)).toBe(0);
      expect(canonicalQuantity(canonical)).toBe(canonical);
    }),
  );
});

test('addition commutes in value and agrees with comparison', () => {
  fc.assert(
    fc.property(quantityText, quantityText, (a, b) => {
      const [x, y] = [parseQuantity(a), parseQuantity(b)];
      expect(addQuantities(x, y).nanos).toBe(addQuantities(y, x).nanos);
      expect(Math.sign(compareQuantities(addQuantities(x, y), x))).toBe(y.nanos > 0n ? 1 : y.nanos < 0n ? -1 : 0);
    }),
  );
});

test('milliValue() and unitValue() round up', () => {
  expect(milliValue(parseQuantity('0.0001'))).toBe(1);
  expect(milliValue(parseQuantity('2'))).toBe(2000);
  expect(unitValue(parseQuantity('1.1'))).toBe(2);
  expect(unitValue(parseQuantity('1Gi'))).toBe(2 ** 30);
});
