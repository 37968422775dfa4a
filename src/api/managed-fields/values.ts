/** JSON values as managed fields see them. */

export type JsonMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is JsonMap {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What a map or list type finds in a value: null and what is no map are as an empty one. */
export function asMap(value: unknown): JsonMap {
  return isMap(value) ? value : noMap;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : noList;
}

const noMap: JsonMap = Object.freeze({});
const noList: readonly unknown[] = Object.freeze([]);

/** A label may be called `constructor`: what a map inherits is not in it. */
export function memberOf(map: JsonMap, key: string): unknown {
  const value = map[key];
  if (typeof value === 'function' || (key === '__proto__' && !Object.hasOwn(map, key))) return undefined;
  return value;
}

export function hasKeys(value: JsonMap): boolean {
  for (const _ in value) return true;
  return false;
}

/** Equal as JSON: a member that is undefined is as one that is absent. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonMap;
  const right = b as JsonMap;
  for (const key in left) if (!sameValue(left[key], memberOf(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && memberOf(left, key) === undefined) return false;
  return true;
}
