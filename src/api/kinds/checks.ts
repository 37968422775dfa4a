/** Small validators: each takes a path and a value and gives what is wrong. Absent values pass unless said otherwise. */
import type { FieldError } from '../definition.ts';
import { fieldDuplicate, fieldInvalid, fieldNotSupported, fieldRequired, fieldTooMany } from '../meta/field-error.ts';
import { parsePercent } from '../meta/int-or-string.ts';
import { dns1123Subdomain, validPortName } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { sameJson } from './strategy.ts';

export type Errors = FieldError[];

export function required(field: string, value: unknown): Errors {
  return value === undefined || value === null || value === '' ? [fieldRequired(field)] : [];
}

export function oneOf(field: string, value: string | undefined, allowed: readonly string[]): Errors {
  return value === undefined || allowed.includes(value) ? [] : [fieldNotSupported(field, value, allowed)];
}

export function notNegative(field: string, value: number | undefined): Errors {
  return value !== undefined && value < 0 ? [fieldInvalid(field, value, 'must be greater than or equal to 0')] : [];
}

export function inRange(field: string, value: number | undefined, low: number, high: number): Errors {
  if (value === undefined || (value >= low && value <= high)) return [];
  return [fieldInvalid(field, value, `must be between ${low} and ${high}, inclusive`)];
}

export function portNumber(field: string, value: number | undefined): Errors {
  return inRange(field, value, 1, 65_535);
}

/** A port by number or by name; required. */
export function portNumberOrName(field: string, value: string | number | undefined): Errors {
  if (value === undefined) return [fieldRequired(field)];
  if (typeof value === 'number') return portNumber(field, value);
  return matches(field, value, validPortName);
}

/** Empty counts as absent. */
export function matches(field: string, value: string | undefined, rule: (text: string) => string | undefined): Errors {
  const problem = value ? rule(value) : undefined;
  return problem === undefined ? [] : [fieldInvalid(field, value, problem)];
}

/** Required, and right by the rule. */
export function requiredName(
  field: string,
  value: string | undefined,
  rule: (text: string) => string | undefined,
): Errors {
  return value ? matches(field, value, rule) : [fieldRequired(field)];
}

/** One error for each repetition; absent keys are never equal. `field(index)` is where an element's key is. */
export function unique<T>(
  items: readonly T[] | undefined,
  key: (item: T) => string | undefined,
  field: (index: number) => string,
): Errors {
  const seen = new Set<string>();
  return (items ?? []).flatMap((item, index) => {
    const id = key(item);
    if (!id) return [];
    if (seen.has(id)) return [fieldDuplicate(field(index), id)];
    seen.add(id);
    return [];
  });
}

/** All findings of a list's elements; `field` is the list's path. */
export function each<T>(
  field: string,
  items: readonly T[] | undefined,
  check: (item: T, field: string, index: number) => Errors,
): Errors {
  return (items ?? []).flatMap((item, index) => check(item, `${field}[${index}]`, index));
}

/** A field that may not differ from what it was. */
export function immutable(field: string, value: unknown, old: unknown): Errors {
  return sameJson(value, old) ? [] : [fieldInvalid(field, value, 'field is immutable')];
}

export function atMost(field: string, items: readonly unknown[] | undefined, max: number): Errors {
  const count = items?.length ?? 0;
  return count > max ? [fieldTooMany(field, count, max)] : [];
}

/** Required, and one of a closed set. */
export function requiredOneOf(field: string, value: string | undefined, allowed: readonly string[]): Errors {
  return value ? oneOf(field, value, allowed) : required(field, value);
}

/** A count, or a share such as `25%`. */
export function countOrPercent(field: string, value: string | number | undefined): Errors {
  if (value === undefined) return [];
  if (typeof value === 'number') return notNegative(field, value);
  if (parsePercent(value) !== undefined) return [];
  const detail =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [fieldInvalid(field, value, detail)];
}

export function notMoreThanAll(field: string, value: string | number | undefined): Errors {
  if (typeof value !== 'string' || (parsePercent(value) ?? 0) <= 100) return [];
  return [fieldInvalid(field, value, 'must not be greater than 100%')];
}

/** Of each number of a status; a status can say nothing below zero. */
export function notNegativeFields(path: string, object: object | undefined, names: readonly string[]): Errors {
  const record = (object ?? {}) as Record<string, number | undefined>;
  return names.flatMap((name) => notNegative(`${path}.${name}`, record[name]));
}

/** Names of the members that are present. */
export function present(object: object, names: readonly string[]): string[] {
  const record = object as Record<string, unknown>;
  return names.filter((name) => record[name] !== undefined && record[name] !== null);
}

/** A canonical quantity, more than nothing. */
export function positiveQuantity(field: string, value: unknown): Errors {
  if (value === undefined || parseQuantity(String(value)).nanos > 0n) return [];
  return [fieldInvalid(field, String(value), 'must be greater than zero')];
}

export function notNegativeQuantity(field: string, value: unknown): Errors {
  if (value === undefined || parseQuantity(String(value)).nanos >= 0n) return [];
  return [fieldInvalid(field, String(value), 'must be greater than or equal to 0')];
}

/** `example.com/name`; required. */
export function domainPrefixedPath(field: string, value: string): Errors {
  if (value === '') return [fieldRequired(field)];
  const at = value.indexOf('/');
  if (at <= 0 || at === value.length - 1) {
    return [fieldInvalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const errors = matches(field, value.slice(0, at), dns1123Subdomain);
  if (/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(value.slice(at + 1))) return errors;
  return [...errors, fieldInvalid(field, value.slice(at + 1), 'Invalid path')];
}
