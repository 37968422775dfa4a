/** Decides one compare of a transaction. A range without keys counts as one missing key, as in etcd. */
import { noBytes } from './key-history.ts';
import type { State } from './state.ts';
import type { Compare, CompareOperator, KeyValue } from './types.ts';

export function holds(state: State, compare: Compare): boolean {
  let found = false;
  let result = true;
  state.scanCurrent(compare, (item) => {
    found = true;
    result = holdsFor(item, compare);
    return result;
  });
  return found ? result : holdsFor(undefined, compare);
}

function holdsFor(item: KeyValue | undefined, compare: Compare): boolean {
  if (compare.target !== 'value') return decide(compare.operator, (item?.[compare.target] ?? 0) - compare.operand);
  // A missing key has no value, so that nothing is true of it.
  return item !== undefined && decide(compare.operator, compareBytes(item.value ?? noBytes, compare.operand));
}

function decide(operator: CompareOperator, difference: number): boolean {
  switch (operator) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
