/** Optional values: `a.?b`, `a[?b]`, `optional.of(x)`, `.orValue(y)`. */
import { CelEvaluationError } from '../errors.ts';
import { fn, type Library, method } from '../overload.ts';
import { ArrayList, ListValue, MapValue, none, Optional, Uint, type Value } from '../values.ts';

/** What is there, or none: of a map (or object) by key, of a list by index, through an optional value. */
export function lookUp(container: Value, key: Value): Optional {
  if (container instanceof Optional) return container.value === undefined ? none : lookUp(container.value, key);
  if (container instanceof MapValue) {
    const value = container.get(key);
    return value === undefined ? none : new Optional(value);
  }
  if (container instanceof ListValue) {
    const index = key instanceof Uint ? key.value : key;
    if (typeof index !== 'bigint' && typeof index !== 'number') throw new CelEvaluationError('no such overload');
    const value = Number(index);
    return Number.isInteger(value) && value >= 0 && value < container.length ? new Optional(container.at(value)) : none;
  }
  throw new CelEvaluationError('no such overload');
}

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (typeof value !== 'object') return false;
  if (value instanceof ListValue || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint) return value.value === 0n;
  return value instanceof Optional ? value.value === undefined : false;
}

function indexInto(container: Optional, key: Value): Value {
  return lookUp(container, key);
}

export const optionalLibrary: Library = {
  overloads: [
    fn('optional.of', 'optional_of', 'A -> optional_type(A)', (value: Value) => new Optional(value)),
    fn('optional.ofNonZeroValue', 'optional_ofNonZeroValue', 'A -> optional_type(A)', (value: Value) =>
      isZero(value) ? none : new Optional(value),
    ),
    fn('optional.none', 'optional_none', ' -> optional_type(A)', () => none),
    fn('optional.unwrap', 'optional_unwrap', 'list(optional_type(A)) -> list(A)', unwrapAll),
    method('unwrapOpt', 'optional_unwrapOpt', 'list(optional_type(A)) -> list(A)', unwrapAll),
    method('value', 'optional_value', 'optional_type(A) -> A', ({ value }: Optional) => {
      if (value === undefined) throw new CelEvaluationError('optional.none() dereference');
      return value;
    }),
    method('hasValue', 'optional_hasValue', 'optional_type(A) -> bool', ({ value }: Optional) => value !== undefined),
    method('or', 'optional_or_optional', 'optional_type(A), optional_type(A) -> optional_type(A)', orElse),
    method('orValue', 'optional_orValue_value', 'optional_type(A), A -> A', ({ value }: Optional, other: Value) =>
      value === undefined ? other : value,
    ),
    fn('_[?_]', 'list_optindex_optional_int', 'list(A), int -> optional_type(A)', lookUp),
    fn('_[?_]', 'optional_list_optindex_optional_int', 'optional_type(list(A)), int -> optional_type(A)', lookUp),
    fn('_[?_]', 'map_optindex_optional_value', 'map(A, B), A -> optional_type(B)', lookUp),
    fn('_[?_]', 'optional_map_optindex_optional_value', 'optional_type(map(A, B)), A -> optional_type(B)', lookUp),
    fn('_[_]', 'optional_list_index_int', 'optional_type(list(A)), int -> optional_type(A)', indexInto),
    fn('_[_]', 'optional_map_index_value', 'optional_type(map(A, B)), A -> optional_type(B)', indexInto),
    fn('_?._', 'select_optional_field', 'dyn, string -> optional_type(dyn)', lookUp),
  ],
};

function orElse(a: Optional, b: Optional): Optional {
  return a.value === undefined ? b : a;
}

function unwrapAll(list: ListValue): ArrayList {
  const items: Value[] = [];
  for (const item of list) if (item instanceof Optional && item.value !== undefined) items.push(item.value);
  return new ArrayList(items);
}
