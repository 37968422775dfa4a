/** Costs that several functions share. */
import type { CallCost } from '../overload.ts';
import { sizeOr } from '../overload.ts';
import { ListValue, MapValue, sizeOf, type Value } from '../values.ts';
import { exactly, multiply, patternFactor, plus, type Range, stringFactor, times } from './range.ts';

/** Reads an argument from end to end, `passes` times; the result is as long as it where `keepsSize`. */
export function traversal(argument: number, options: { passes?: number; keepsSize?: boolean } = {}): CallCost {
  const factor = (options.passes ?? 1) * stringFactor;
  return {
    estimate(args) {
      const size = sizeOr(args[argument]);
      return { cost: times(size, factor), size: options.keepsSize ? size : undefined };
    },
    actual: (args) => Math.ceil(sizeOf(args[argument]!) * factor),
  };
}

/** A pattern over a text: text × pattern, as linear-time matching costs. */
export function matching(result?: (text: Range) => Range): CallCost {
  return {
    estimate([text, pattern]) {
      const textCost = times(plus(sizeOr(text), exactly(1)), stringFactor);
      const patternCost = times(sizeOr(pattern), patternFactor);
      return { cost: multiply(textCost, patternCost), size: result?.(sizeOr(text)) };
    },
    actual: ([text, pattern]) =>
      Math.ceil((1 + sizeOf(text!)) * stringFactor) * Math.ceil(sizeOf(pattern!) * patternFactor),
  };
}

/** Looks at each element of a list once (or at each letter of a text). */
export const scan: CallCost = {
  estimate([list]) {
    if (list?.type.kind !== 'list') return { cost: times(sizeOr(list), stringFactor) };
    const { element } = list.type;
    const long = element.kind === 'string' || element.kind === 'bytes';
    const one = long
      ? plus(exactly(1), times(list.elementSize() ?? { min: 0, max: Infinity }, stringFactor))
      : exactly(1);
    return { cost: multiply(sizeOr(list), one) };
  },
  actual: ([list]) => traverse(list!),
};

function traverse(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.floor(value.length * stringFactor);
  let cost = 0;
  if (value instanceof ListValue) {
    for (const item of value) cost += traverse(item);
    return cost;
  }
  if (value instanceof MapValue) {
    for (const key of value.keys()) cost += traverse(key) + traverse(value.get(key)!);
    return cost;
  }
  return 1;
}

/** Both are compared up to the end of the shorter one. */
export const comparison: CallCost = {
  estimate([left, right]) {
    const max = Math.min(sizeOr(left).max, sizeOr(right).max);
    return { cost: times({ min: max > 0 ? 1 : 0, max }, stringFactor) };
  },
  actual: ([left, right]) => Math.ceil(Math.min(sizeOf(left!), sizeOf(right!)) * stringFactor),
};

/** Both are copied. */
export const concatenation: CallCost = {
  estimate([left, right]) {
    const size = plus(sizeOr(left), sizeOr(right));
    return { cost: times(size, stringFactor), size };
  },
  actual: ([left, right]) => Math.ceil((sizeOf(left!) + sizeOf(right!)) * stringFactor),
};
