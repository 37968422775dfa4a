/** The extension libraries of lists and sets, and the list functions that Kubernetes had before them. */
import { scan } from '../cost/costs.ts';
import { CelEvaluationError } from '../errors.ts';
import { type CallCost, fn, type Library, method, type Overload, sizeOr } from '../overload.ts';
import { Duration } from '../time.ts';
import { ArrayList, equal, ListValue, sizeOf, Uint, type Value } from '../values.ts';
import { checkedInt, compareValues } from './standard.ts';

const ordered = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const maxRange = 1_000_000n;
const maxFlattenDepth = 100n;

function isSorted(list: ListValue): boolean {
  for (let index = 1; index < list.length; index++) {
    if (compareValues(list.at(index - 1), list.at(index)) > 0) return false;
  }
  return true;
}

function extreme(name: 'min' | 'max') {
  return (list: ListValue): Value => {
    if (list.length === 0) throw new CelEvaluationError(`${name} called on empty list`);
    let best = list.at(0);
    for (const item of list) {
      const order = compareValues(item, best);
      if (name === 'min' ? order < 0 : order > 0) best = item;
    }
    return best;
  };
}

function sum(zero: Value): (list: ListValue) => Value {
  return (list) => {
    let total = zero;
    for (const item of list) total = addNumbers(total, item);
    return total;
  };
}

function addNumbers(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checkedInt(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Uint && b instanceof Uint) return new Uint(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return new Duration(a.nanos + b.nanos);
  throw new CelEvaluationError('no such overload');
}

function indexIn(list: ListValue, wanted: Value): bigint {
  for (let index = 0; index < list.length; index++) if (equal(list.at(index), wanted)) return BigInt(index);
  return -1n;
}

function lastIndexIn(list: ListValue, wanted: Value): bigint {
  for (let index = list.length - 1; index >= 0; index--) if (equal(list.at(index), wanted)) return BigInt(index);
  return -1n;
}

function slice(list: ListValue, from: bigint, to: bigint): ArrayList {
  if (from < 0n || to < 0n)
    throw new CelEvaluationError(`cannot slice(${from}, ${to}), negative indexes not supported`);
  if (from > to)
    throw new CelEvaluationError(`cannot slice(${from}, ${to}), start index must be less than or equal to end index`);
  if (to > BigInt(list.length))
    throw new CelEvaluationError(`cannot slice(${from}, ${to}), list is length ${list.length}`);
  return new ArrayList([...list].slice(Number(from), Number(to)));
}

function flatten(list: ListValue, depth = 1n): ArrayList {
  if (depth < 0n) throw new CelEvaluationError('level must be non-negative');
  const items: Value[] = [];
  for (const item of list) {
    if (item instanceof ListValue && depth > 0n)
      items.push(...flatten(item, (depth < maxFlattenDepth ? depth : maxFlattenDepth) - 1n));
    else items.push(item);
  }
  return new ArrayList(items);
}

function distinct(list: ListValue): ArrayList {
  const items: Value[] = [];
  for (const item of list) if (!items.some((other) => equal(item, other))) items.push(item);
  return new ArrayList(items);
}

function range(count: bigint): ArrayList {
  if (count > maxRange) throw new CelEvaluationError(`lists.range of ${count} is too long`);
  return new ArrayList(Array.from({ length: Number(count > 0n ? count : 0n) }, (_, index) => BigInt(index)));
}

function contains(list: ListValue, part: ListValue): boolean {
  return [...part].every((item) => [...list].some((other) => equal(item, other)));
}

/** Each element of one list may be compared with each of the other. */
function pairs(passes: number): CallCost {
  return {
    estimate([a, b]) {
      const [left, right] = [sizeOr(a), sizeOr(b)];
      const cost = (x: number, y: number) => 1 + (x === 0 || y === 0 ? 0 : x * y * passes);
      return { cost: { min: cost(left.min, right.min), max: cost(left.max, right.max) } };
    },
    actual: ([a, b]) => 1 + sizeOf(a!) * sizeOf(b!) * passes,
  };
}

const perType: Overload[] = ordered.flatMap((type) => [
  method('isSorted', `list_${type}_is_sorted_bool`, `list(${type}) -> bool`, isSorted, scan),
  method('min', `list_${type}_min_${type}`, `list(${type}) -> ${type}`, extreme('min'), scan),
  method('max', `list_${type}_max_${type}`, `list(${type}) -> ${type}`, extreme('max'), scan),
  method(
    'sort',
    `list_${type}_sort`,
    `list(${type}) -> list(${type})`,
    (list: ListValue) => new ArrayList([...list].sort(compareValues)),
  ),
]);

const zeros: readonly [string, Value][] = [
  ['int', 0n],
  ['uint', new Uint(0n)],
  ['double', 0],
  ['duration', new Duration(0n)],
];

export const listLibrary: Library = {
  overloads: [
    ...perType,
    ...zeros.map(([type, zero]) =>
      method('sum', `list_${type}_sum_${type}`, `list(${type}) -> ${type}`, sum(zero), scan),
    ),
    method('indexOf', 'list_a_index_of_int', 'list(A), A -> int', indexIn, scan),
    method('lastIndexOf', 'list_a_last_index_of_int', 'list(A), A -> int', lastIndexIn, scan),
    method('slice', 'list_slice', 'list(A), int, int -> list(A)', slice),
    method('flatten', 'list_flatten', 'list(list(A)) -> list(A)', flatten),
    method('flatten', 'list_flatten_int', 'list(dyn), int -> list(dyn)', flatten),
    method('reverse', 'list_reverse', 'list(A) -> list(A)', (list: ListValue) => new ArrayList([...list].reverse())),
    method('distinct', 'list_distinct', 'list(A) -> list(A)', distinct, {
      estimate: ([list]) => ({ cost: { min: 1, max: sizeOr(list).max ** 2 } }),
      actual: ([list]) => sizeOf(list!) ** 2,
    }),
    fn('lists.range', 'lists_range', 'int -> list(int)', range, {
      estimate: () => ({ cost: { min: 1, max: 1 } }),
      actual: (_args, result) => 1 + sizeOf(result),
    }),
    fn('sets.contains', 'list_sets_contains_list', 'list(A), list(A) -> bool', contains, pairs(1)),
    fn(
      'sets.equivalent',
      'list_sets_equivalent_list',
      'list(A), list(A) -> bool',
      (a: ListValue, b: ListValue) => contains(a, b) && contains(b, a),
      pairs(2),
    ),
    fn(
      'sets.intersects',
      'list_sets_intersects_list',
      'list(A), list(A) -> bool',
      (a: ListValue, b: ListValue) => [...a].some((item) => [...b].some((other) => equal(item, other))),
      pairs(1),
    ),
  ],
};
