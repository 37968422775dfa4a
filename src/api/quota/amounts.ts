/** Lists of resources by name (`corev1.ResourceList`), exact. */
import type { Quantity as QuantityText } from '../generated/types/apimachinery.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subtractQuantities,
} from '../meta/quantity.ts';

export type Amounts = Readonly<Record<string, Quantity>>;
export type ResourceList = Readonly<Record<string, QuantityText>>;

export const one: Quantity = { nanos: 1_000_000_000n, format: 'decimalSI' };
export const zero: Quantity = { nanos: 0n, format: 'decimalSI' };

export function times(count: number): Quantity {
  return { nanos: BigInt(count) * 1_000_000_000n, format: 'decimalSI' };
}

/** The texts must be valid: decoding has seen to it. */
export function parseAmounts(list: ResourceList | undefined): Amounts {
  return mapValues(list ?? {}, (text) => parseQuantity(String(text)));
}

export function formatAmounts(amounts: Amounts): Record<string, string> {
  return mapValues(amounts, formatQuantity);
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** Every name of either; `combine` decides where both have it. */
export function merge(a: Amounts, b: Amounts, combine: (a: Quantity, b: Quantity) => Quantity): Amounts {
  const merged: Record<string, Quantity> = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    const before = merged[name];
    merged[name] = before === undefined ? amount : combine(before, amount);
  }
  return merged;
}

export function add(a: Amounts, b: Amounts): Amounts {
  return merge(a, b, addQuantities);
}

export function larger(a: Amounts, b: Amounts): Amounts {
  return merge(a, b, (x, y) => (compareQuantities(x, y) < 0 ? y : x));
}

/** What `a` has more than `b`; nothing is ever negative. */
export function growth(a: Amounts, b: Amounts): Amounts {
  const grown: Record<string, Quantity> = {};
  for (const [name, amount] of Object.entries(a)) {
    const difference = subtractQuantities(amount, b[name] ?? zero);
    if (difference.nanos > 0n) grown[name] = difference;
  }
  return grown;
}

export function mask(amounts: Amounts, names: readonly string[]): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => names.includes(name)));
}

/** `cpu=1,pods=2`, in the order of names. */
export function describeAmounts(amounts: Amounts): string {
  const names = Object.keys(amounts).sort();
  return names.map((name) => `${name}=${formatQuantity(amounts[name]!)}`).join(',');
}
