/** Fields by their path. */
import { isJsonObject } from './schema/schema.ts';

export function valueAt(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A copy with `value` at the path; what is on the way and no object is replaced. */
export function withValueAt<T extends object>(object: T, [name, ...rest]: readonly string[], value: unknown): T {
  if (name === undefined) return object;
  const inner = (object as Record<string, unknown>)[name];
  const next = rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value);
  return { ...object, [name]: next };
}
