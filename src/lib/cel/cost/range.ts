/** The least and the most that something can be; what cannot be told has no end. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const unknownRange: Range = { min: 0, max: Number.POSITIVE_INFINITY };
export const nothing: Range = { min: 0, max: 0 };

/** Costs of a tenth for each letter, a quarter for each letter of a pattern, as Kubernetes counts. */
export const stringFactor = 0.1;
export const patternFactor = 0.25;

export function exactly(value: number): Range {
  return { min: value, max: value };
}

export function plus(a: Range, b: Range): Range {
  return { min: a.min + b.min, max: a.max + b.max };
}

export function multiply(a: Range, b: Range): Range {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

/** Rounded up to whole units. */
export function times(range: Range, factor: number): Range {
  return { min: Math.ceil(product(range.min, factor)), max: Math.ceil(product(range.max, factor)) };
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** Nothing, however often, is nothing. */
function product(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a * b;
}
