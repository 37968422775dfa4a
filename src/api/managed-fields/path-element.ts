/**
 * One step of a field path, as text: `f:NAME` a field or map key, `k:{"name":"a"}` the item of a list with these keys (sorted), `v:"x"` the item of a set
 * with this value, `i:0` the item at an index. Equal steps have equal texts, as long as they were made here.
 */
import type { FieldSet, MutableFieldSet } from './field-set.ts';
import { emptyFields, self } from './field-set.ts';
import type { ListType } from './field-type.ts';

/** Undefined for an item that has none of the keys, or is no item for such a list. */
export function itemElement(type: ListType, item: unknown): string | undefined {
  if (type.mode === 'set') {
    return item === null || typeof item === 'object' || item === undefined ? undefined : `v:${JSON.stringify(item)}`;
  }
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return undefined;
  const record = item as Readonly<Record<string, unknown>>;
  let text = '';
  for (const { name, prefix, defaultValue } of type.keys) {
    const value = record[name] === undefined ? defaultValue : record[name];
    if (value === undefined) continue;
    text += `${text === '' ? 'k:{' : ','}${prefix}${JSON.stringify(value)}`;
  }
  return text === '' ? undefined : `${text}}`;
}

/** As people read it: `.spec`, `[name="a"]`, `[="x"]`, `[0]`. */
export function formatElement(element: string): string {
  const value = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${value}`;
    case 'k:': {
      const keys = Object.entries(JSON.parse(value) as Record<string, unknown>);
      return `[${keys.map(([name, key]) => `${name}=${JSON.stringify(key)}`).join(',')}]`;
    }
    case 'v:':
      return `[=${value}]`;
    default:
      return `[${value}]`;
  }
}

export function formatPath(path: readonly string[]): string {
  return path.map(formatElement).join('');
}

/** Levels of a set that a client may send. */
const maxDepth = 200;

/**
 * A set from a client, with each element in the one form that is compared here; elements of unknown kinds are dropped.
 * Undefined when it is no set.
 */
export function canonicalSet(value: unknown, depth = 0): FieldSet | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || depth > maxDepth) return undefined;
  const result: MutableFieldSet = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key === self) {
      if (depth > 0) result[self] = emptyFields;
      continue;
    }
    const element = canonicalElement(key);
    if (element === undefined) return undefined;
    if (element === '') continue;
    const set = canonicalSet(inner, depth + 1);
    if (!set) return undefined;
    result[element] = set;
  }
  // A member alone is written without its mark.
  if (self in result && Object.keys(result).length === 1) return emptyFields;
  return result;
}

/** Empty for one of an unknown kind. */
function canonicalElement(element: string): string | undefined {
  const kind = element.slice(0, 2);
  if (kind.length < 2 || kind[1] !== ':') return undefined;
  const rest = element.slice(2);
  switch (kind) {
    case 'f:':
      return element;
    case 'i:':
      return /^\d{1,15}$/.test(rest) ? `i:${Number(rest)}` : undefined;
    case 'v:':
    case 'k:': {
      const value = parsed(rest);
      if (value === undefined) return undefined;
      if (kind === 'v:') return value !== null && typeof value === 'object' ? undefined : `v:${JSON.stringify(value)}`;
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
      const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      return `k:{${entries.map(([name, key]) => `${JSON.stringify(name)}:${JSON.stringify(key)}`).join(',')}}`;
    }
    default:
      return '';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
