/** `quantity("1Gi")` in expressions. */

import { traversal } from '../../lib/cel/cost/costs.ts';
import { CelEvaluationError, fixedCost, fn, type Library, method, OpaqueValue } from '../../lib/cel/index.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  QuantityError,
  subtractQuantities,
} from '../meta/quantity.ts';

export class QuantityValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Quantity';
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof QuantityValue && compareQuantities(this.quantity, other.quantity) === 0;
  }

  toJson(): string {
    return formatQuantity(this.quantity);
  }
}

function read(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    if (error instanceof QuantityError) throw new CelEvaluationError(error.message, { cause: error });
    throw error;
  }
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

const nano = 1_000_000_000n;
const maxInt = 2n ** 63n - 1n;

function isInteger({ quantity: { nanos } }: QuantityValue): boolean {
  return nanos % nano === 0n && nanos / nano <= maxInt;
}

function integer(value: QuantityValue): bigint {
  if (!isInteger(value)) throw new CelEvaluationError('cannot convert value to integer');
  return value.quantity.nanos / nano;
}

function ofInteger(value: bigint): Quantity {
  return { nanos: value * nano, format: 'decimalSI' };
}

function compare(a: QuantityValue, b: QuantityValue): bigint {
  return BigInt(compareQuantities(a.quantity, b.quantity));
}

type Operation = (a: Quantity, b: Quantity) => Quantity;

function arithmetic(name: string, operation: Operation) {
  const type = 'kubernetes.Quantity';
  return [
    method(
      name,
      `quantity_${name}`,
      `${type}, ${type} -> ${type}`,
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(operation(a.quantity, b.quantity)),
      fixedCost(1),
    ),
    method(
      name,
      `quantity_${name}_int`,
      `${type}, int -> ${type}`,
      (a: QuantityValue, b: bigint) => new QuantityValue(operation(a.quantity, ofInteger(b))),
      fixedCost(1),
    ),
  ];
}

const two = 'kubernetes.Quantity, kubernetes.Quantity';

export const quantityLibrary: Library = {
  overloads: [
    fn('quantity', 'string_to_quantity', 'string -> kubernetes.Quantity', read, traversal(0)),
    fn('isQuantity', 'is_quantity_string', 'string -> bool', isQuantity, traversal(0)),
    method('sign', 'quantity_sign', 'kubernetes.Quantity -> int', ({ quantity }: QuantityValue) =>
      quantity.nanos > 0n ? 1n : quantity.nanos < 0n ? -1n : 0n,
    ),
    method(
      'isGreaterThan',
      'quantity_is_greater_than',
      `${two} -> bool`,
      (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0n,
    ),
    method(
      'isLessThan',
      'quantity_is_less_than',
      `${two} -> bool`,
      (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0n,
    ),
    method('compareTo', 'quantity_compare_to', `${two} -> int`, compare),
    method(
      'asApproximateFloat',
      'quantity_get_float',
      'kubernetes.Quantity -> double',
      ({ quantity }: QuantityValue) => Number(quantity.nanos) / 1e9,
    ),
    method('asInteger', 'quantity_get_int', 'kubernetes.Quantity -> int', integer),
    method('isInteger', 'quantity_is_integer', 'kubernetes.Quantity -> bool', isInteger),
    ...arithmetic('add', addQuantities),
    ...arithmetic('sub', subtractQuantities),
  ],
};
