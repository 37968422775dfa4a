/** Decides one compare of a transaction. A range without keys counts as one missing key, as in etcd. */
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
  switch (compare.target) {
    case 'value':
      // A missing key has no value, so that nothing is true of it.
      return item !== undefined && decide(compare.operator, Buffer.compare(item.value, compare.operand));
    case 'lease': {
      const lease = item?.leaseId ?? 0n;
      return decide(compare.operator, lease < compare.operand ? -1 : lease > compare.operand ? 1 : 0);
    }
    default:
      return decide(compare.operator, (item?.[compare.target] ?? 0) - compare.operand);
  }
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
