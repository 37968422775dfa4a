/** Operators and functions of CEL's own definition. */
import { comparison, concatenation, matching, traversal } from '../cost/costs.ts';
import { exactly, multiply, stringFactor, times } from '../cost/range.ts';
import { CelEvaluationError } from '../errors.ts';
import { fn, method, type Overload, sizeOr } from '../overload.ts';
import { Duration, durationFromText, instantFromText, isDuration, isTimestamp, Timestamp } from '../time.ts';
import {
  ArrayList,
  codePoints,
  EntryMap,
  equal,
  itemKey,
  type ListValue,
  type MapValue,
  nameOfType,
  TypeValue,
  Uint,
  type Value,
} from '../values.ts';
import { formatDouble } from './format-number.ts';
import { matchesPattern } from './patterns.ts';
import { timeOverloads } from './time-parts.ts';

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

export function checkedInt(value: bigint): bigint {
  if (value < minInt || value > maxInt) throw new CelEvaluationError('integer overflow');
  return value;
}

function checkedUint(value: bigint): Uint {
  if (value < 0n || value > maxUint) throw new CelEvaluationError('unsigned integer overflow');
  return new Uint(value);
}

const maxDurationNanos = 2n ** 63n - 1n;

function checkedDuration(nanos: bigint): Duration {
  if (nanos > maxDurationNanos || nanos < -maxDurationNanos) throw new CelEvaluationError('duration overflow');
  return new Duration(nanos);
}

const minInstant = -62135596800n * 1_000_000_000n;
const maxInstant = 253402300800n * 1_000_000_000n;

function checkedInstant(nanos: bigint): Timestamp {
  if (nanos < minInstant || nanos >= maxInstant) throw new CelEvaluationError('timestamp overflow');
  return new Timestamp(nanos);
}

/** Negative, zero, positive. NaN is neither, and every comparison with it false. */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const left = comparable(a);
  const right = comparable(b);
  if (typeof left === 'object' && typeof right === 'object') return Buffer.compare(left, right);
  // biome-ignore lint/suspicious/noDoubleEquals: bigint and number are compared by value
  return left < right ? -1 : left == right ? 0 : left > right ? 1 : Number.NaN;
}

function comparable(value: Value): bigint | number | Uint8Array {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Uint) return value.value;
  if (value instanceof Uint8Array) return value;
  if (isTimestamp(value) || isDuration(value)) return value.nanos;
  throw new CelEvaluationError('no such overload');
}

/** By code point, as Go compares UTF-8. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
const numbers = ['int', 'uint', 'double'];

function comparisons(): Overload[] {
  const signs: readonly [string, string, (order: number) => boolean][] = [
    ['_<_', 'less', (order) => order < 0],
    ['_<=_', 'less_equals', (order) => order <= 0],
    ['_>_', 'greater', (order) => order > 0],
    ['_>=_', 'greater_equals', (order) => order >= 0],
  ];
  return signs.flatMap(([name, id, holds]) => {
    const pairs = ordered.map((type) => [type, type]);
    for (const a of numbers) for (const b of numbers) if (a !== b) pairs.push([a, b]);
    return pairs.map(([a, b]) =>
      fn(
        name,
        `${id}_${a}${a === b ? '' : `_${b}`}`,
        `${a}, ${b} -> bool`,
        (x: Value, y: Value) => holds(compareValues(x, y)),
        a === 'string' || a === 'bytes' ? comparison : undefined,
      ),
    );
  });
}

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new CelEvaluationError('division by zero');
  return a / b;
}

function modulo(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new CelEvaluationError('modulus by zero');
  return a % b;
}

const arithmetic: readonly Overload[] = [
  fn('_+_', 'add_int64', 'int, int -> int', (a: bigint, b: bigint) => checkedInt(a + b)),
  fn('_+_', 'add_uint64', 'uint, uint -> uint', (a: Uint, b: Uint) => checkedUint(a.value + b.value)),
  fn('_+_', 'add_double', 'double, double -> double', (a: number, b: number) => a + b),
  fn('_+_', 'add_string', 'string, string -> string', (a: string, b: string) => a + b, concatenation),
  fn('_+_', 'add_bytes', 'bytes, bytes -> bytes', (a: Uint8Array, b: Uint8Array) => joinBytes(a, b), concatenation),
  fn('_+_', 'add_list', 'list(A), list(A) -> list(A)', addLists, {
    estimate: ([a, b]) => ({
      cost: exactly(1),
      size: { min: sizeOr(a).min + sizeOr(b).min, max: sizeOr(a).max + sizeOr(b).max },
    }),
    actual: () => 1,
  }),
  fn('_+_', 'add_duration_duration', 'duration, duration -> duration', (a: Duration, b: Duration) =>
    checkedDuration(a.nanos + b.nanos),
  ),
  fn('_+_', 'add_duration_timestamp', 'duration, timestamp -> timestamp', (a: Duration, b: Timestamp) =>
    checkedInstant(a.nanos + b.nanos),
  ),
  fn('_+_', 'add_timestamp_duration', 'timestamp, duration -> timestamp', (a: Timestamp, b: Duration) =>
    checkedInstant(a.nanos + b.nanos),
  ),
  fn('_-_', 'subtract_int64', 'int, int -> int', (a: bigint, b: bigint) => checkedInt(a - b)),
  fn('_-_', 'subtract_uint64', 'uint, uint -> uint', (a: Uint, b: Uint) => checkedUint(a.value - b.value)),
  fn('_-_', 'subtract_double', 'double, double -> double', (a: number, b: number) => a - b),
  fn('_-_', 'subtract_duration_duration', 'duration, duration -> duration', (a: Duration, b: Duration) =>
    checkedDuration(a.nanos - b.nanos),
  ),
  fn('_-_', 'subtract_timestamp_duration', 'timestamp, duration -> timestamp', (a: Timestamp, b: Duration) =>
    checkedInstant(a.nanos - b.nanos),
  ),
  fn('_-_', 'subtract_timestamp_timestamp', 'timestamp, timestamp -> duration', (a: Timestamp, b: Timestamp) =>
    checkedDuration(a.nanos - b.nanos),
  ),
  fn('_*_', 'multiply_int64', 'int, int -> int', (a: bigint, b: bigint) => checkedInt(a * b)),
  fn('_*_', 'multiply_uint64', 'uint, uint -> uint', (a: Uint, b: Uint) => checkedUint(a.value * b.value)),
  fn('_*_', 'multiply_double', 'double, double -> double', (a: number, b: number) => a * b),
  fn('_/_', 'divide_int64', 'int, int -> int', (a: bigint, b: bigint) => checkedInt(divide(a, b))),
  fn('_/_', 'divide_uint64', 'uint, uint -> uint', (a: Uint, b: Uint) => new Uint(divide(a.value, b.value))),
  fn('_/_', 'divide_double', 'double, double -> double', (a: number, b: number) => a / b),
  fn('_%_', 'modulo_int64', 'int, int -> int', modulo),
  fn('_%_', 'modulo_uint64', 'uint, uint -> uint', (a: Uint, b: Uint) => new Uint(modulo(a.value, b.value))),
  fn('-_', 'negate_int64', 'int -> int', (a: bigint) => checkedInt(-a)),
  fn('-_', 'negate_double', 'double -> double', (a: number) => -a),
];

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([a, b]));
}

/** Of lists that are sets, or like maps, the right one adds what the left lacks and replaces what it has. */
function addLists(a: ListValue, b: ListValue): ListValue {
  if (a instanceof ArrayList && a.growing) {
    for (const item of b) a.items.push(item);
    return a;
  }
  const identity = a.identity;
  if (identity === undefined) return new ArrayList([...a, ...b]);
  if (identity === 'set') {
    const items = [...a];
    for (const item of b) if (!items.some((other) => equal(item, other))) items.push(item);
    return new ArrayList(items, identity);
  }
  const items = new Map(Array.from(a, (item) => [itemKey(item, identity.keys), item]));
  for (const item of b) items.set(itemKey(item, identity.keys), item);
  return new ArrayList([...items.values()], identity);
}

function itemOf(list: ListValue, index: Value): Value {
  const at = typeof index === 'number' && Number.isInteger(index) ? BigInt(index) : index;
  const position = at instanceof Uint ? at.value : at;
  if (typeof position !== 'bigint') {
    throw new CelEvaluationError(`unsupported index type '${nameOfType(index)}' in list`);
  }
  if (position < 0n || position >= BigInt(list.length)) {
    throw new CelEvaluationError(`index out of bounds: ${position}`);
  }
  return list.at(Number(position));
}

export function valueAt(map: MapValue, key: Value): Value {
  const value = map.get(key);
  if (value === undefined) throw new CelEvaluationError(`no such key: ${showKey(key)}`);
  return value;
}

function showKey(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key);
}

const containers: readonly Overload[] = [
  fn('_==_', 'equals', 'A, A -> bool', equal, comparison),
  fn('_!=_', 'not_equals', 'A, A -> bool', (a: Value, b: Value) => !equal(a, b), comparison),
  fn('@in', 'in_list', 'A, list(A) -> bool', (a: Value, list: ListValue) => [...list].some((item) => equal(a, item)), {
    estimate: ([, list]) => ({ cost: times(sizeOr(list), 1) }),
    actual: ([, list]) => (list as ListValue).length,
  }),
  fn('@in', 'in_map', 'A, map(A, B) -> bool', (a: Value, map: MapValue) => map.get(a) !== undefined),
  fn('_[_]', 'index_list', 'list(A), int -> A', itemOf),
  fn('_[_]', 'index_map', 'map(A, B), A -> B', valueAt),
  fn('size', 'size_string', 'string -> int', (text: string) => BigInt(codePoints(text))),
  fn('size', 'size_bytes', 'bytes -> int', (bytes: Uint8Array) => BigInt(bytes.length)),
  fn('size', 'size_list', 'list(A) -> int', (list: ListValue) => BigInt(list.length)),
  fn('size', 'size_map', 'map(A, B) -> int', (map: MapValue) => BigInt(map.size)),
  method('size', 'string_size', 'string -> int', (text: string) => BigInt(codePoints(text))),
  method('size', 'bytes_size', 'bytes -> int', (bytes: Uint8Array) => BigInt(bytes.length)),
  method('size', 'list_size', 'list(A) -> int', (list: ListValue) => BigInt(list.length)),
  method('size', 'map_size', 'map(A, B) -> int', (map: MapValue) => BigInt(map.size)),
  fn('cel.@mapInsert', '@mapInsert_map_map', 'map(A, B), map(A, B) -> map(A, B)', (map: MapValue, more: MapValue) => {
    const result = growing(map);
    for (const key of more.keys()) result.insert(key, more.get(key)!);
    return result;
  }),
  fn(
    'cel.@mapInsert',
    '@mapInsert_map_key_value',
    'map(A, B), A, B -> map(A, B)',
    (map: MapValue, key: Value, value: Value) => {
      const result = growing(map);
      result.insert(key, value);
      return result;
    },
  ),
];

function growing(map: MapValue): EntryMap {
  if (map instanceof EntryMap && map.growing) return map;
  const copy = new EntryMap();
  for (const key of map.keys()) copy.insert(key, map.get(key)!);
  return copy;
}

const texts: readonly Overload[] = [
  method('startsWith', 'starts_with_string', 'string, string -> bool', (a: string, b: string) => a.startsWith(b), {
    ...traversal(1),
    actual: ([text]) => Math.ceil(codePoints(text as string) * stringFactor),
  }),
  method('endsWith', 'ends_with_string', 'string, string -> bool', (a: string, b: string) => a.endsWith(b), {
    ...traversal(1),
    actual: ([text]) => Math.ceil(codePoints(text as string) * stringFactor),
  }),
  method('contains', 'contains_string', 'string, string -> bool', (a: string, b: string) => a.includes(b), {
    estimate: ([text, part]) => ({
      cost: multiply(times(sizeOr(text), stringFactor), times(sizeOr(part), stringFactor)),
    }),
    actual: ([text, part]) =>
      Math.ceil(codePoints(text as string) * stringFactor) * Math.ceil(codePoints(part as string) * stringFactor),
  }),
  method('matches', 'matches_string', 'string, string -> bool', matchesPattern, matching()),
  fn('matches', 'matches', 'string, string -> bool', matchesPattern, matching()),
];

function truncate(value: number): bigint {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63)
    throw new CelEvaluationError('integer overflow');
  return BigInt(Math.trunc(value));
}

function intFromText(text: string): bigint {
  if (!/^[+-]?\d{1,32}$/.test(text)) {
    throw new CelEvaluationError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return checkedInt(BigInt(text.replace(/^\+/, '')));
}

function uintFromText(text: string): Uint {
  if (!/^\d{1,32}$/.test(text)) {
    throw new CelEvaluationError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return checkedUint(BigInt(text));
}

function doubleFromText(text: string): number {
  const special = { inf: Infinity, '+inf': Infinity, '-inf': -Infinity, nan: Number.NaN }[text.toLowerCase()];
  if (special !== undefined) return special;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    throw new CelEvaluationError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

const trueTexts = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falseTexts = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function boolFromText(text: string): boolean {
  if (trueTexts.has(text)) return true;
  if (falseTexts.has(text)) return false;
  throw new CelEvaluationError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function textFromBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CelEvaluationError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const nanosPerSecond = 1_000_000_000n;
const identity = (value: Value) => value;

const conversions: readonly Overload[] = [
  fn('dyn', 'to_dyn', 'A -> dyn', identity),
  fn('type', 'type', 'A -> type', (value: Value) => new TypeValue(nameOfType(value))),
  fn('bool', 'bool_to_bool', 'bool -> bool', identity),
  fn('bool', 'string_to_bool', 'string -> bool', boolFromText),
  fn('int', 'int64_to_int64', 'int -> int', identity),
  fn('int', 'uint64_to_int64', 'uint -> int', (value: Uint) => checkedInt(value.value)),
  fn('int', 'double_to_int64', 'double -> int', truncate),
  fn('int', 'string_to_int64', 'string -> int', intFromText),
  fn('int', 'timestamp_to_int64', 'timestamp -> int', (value: Timestamp) => {
    const seconds = value.nanos / nanosPerSecond;
    return value.nanos % nanosPerSecond < 0n ? seconds - 1n : seconds;
  }),
  fn('int', 'duration_to_int64', 'duration -> int', (value: Duration) => value.nanos),
  fn('uint', 'uint64_to_uint64', 'uint -> uint', identity),
  fn('uint', 'int64_to_uint64', 'int -> uint', checkedUint),
  fn('uint', 'double_to_uint64', 'double -> uint', (value: number) => {
    if (!Number.isFinite(value)) throw new CelEvaluationError('unsigned integer overflow');
    return checkedUint(BigInt(Math.trunc(value)));
  }),
  fn('uint', 'string_to_uint64', 'string -> uint', uintFromText),
  fn('double', 'double_to_double', 'double -> double', identity),
  fn('double', 'int64_to_double', 'int -> double', Number),
  fn('double', 'uint64_to_double', 'uint -> double', (value: Uint) => Number(value.value)),
  fn('double', 'string_to_double', 'string -> double', doubleFromText),
  fn('string', 'string_to_string', 'string -> string', identity),
  fn('string', 'bool_to_string', 'bool -> string', String),
  fn('string', 'int64_to_string', 'int -> string', String),
  fn('string', 'uint64_to_string', 'uint -> string', (value: Uint) => String(value.value)),
  fn('string', 'double_to_string', 'double -> string', formatDouble),
  fn('string', 'bytes_to_string', 'bytes -> string', textFromBytes, {
    estimate([bytes]) {
      const size = sizeOr(bytes);
      return { cost: times(size, stringFactor), size: { min: Math.floor(size.min / 4), max: size.max } };
    },
    actual: ([bytes]) => Math.ceil((bytes as Uint8Array).length * stringFactor),
  }),
  fn('string', 'timestamp_to_string', 'timestamp -> string', String),
  fn('string', 'duration_to_string', 'duration -> string', String),
  fn('bytes', 'bytes_to_bytes', 'bytes -> bytes', identity),
  fn('bytes', 'string_to_bytes', 'string -> bytes', (text: string) => new Uint8Array(Buffer.from(text)), {
    estimate([text]) {
      const size = sizeOr(text);
      return { cost: times(size, stringFactor), size: { min: size.min, max: size.max * 4 } };
    },
    actual: ([text]) => Math.ceil(codePoints(text as string) * stringFactor),
  }),
  fn('timestamp', 'timestamp_to_timestamp', 'timestamp -> timestamp', identity),
  fn('timestamp', 'string_to_timestamp', 'string -> timestamp', instantFromText),
  fn('timestamp', 'int64_to_timestamp', 'int -> timestamp', (seconds: bigint) =>
    checkedInstant(seconds * nanosPerSecond),
  ),
  fn('duration', 'duration_to_duration', 'duration -> duration', identity),
  fn('duration', 'string_to_duration', 'string -> duration', durationFromText),
  fn('duration', 'int64_to_duration', 'int -> duration', (nanos: bigint) => new Duration(nanos)),
];

/** These are decided by the evaluator itself, which does not always look at every operand. */
function decided(): Value {
  throw new CelEvaluationError('no such overload');
}

const logic: readonly Overload[] = [
  fn('_&&_', 'logical_and', 'bool, bool -> bool', decided),
  fn('_||_', 'logical_or', 'bool, bool -> bool', decided),
  fn('!_', 'logical_not', 'bool -> bool', (value: boolean) => !value),
  fn('_?_:_', 'conditional', 'bool, A, A -> A', decided),
  fn('@not_strictly_false', 'not_strictly_false', 'bool -> bool', decided),
];

export const standardOverloads: readonly Overload[] = [
  ...logic,
  ...comparisons(),
  ...arithmetic,
  ...containers,
  ...texts,
  ...conversions,
  ...timeOverloads,
];
