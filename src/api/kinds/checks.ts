/** Small validators: each takes a path and a value and gives what is wrong. Absent values pass unless said otherwise. */
import type { FieldError } from '../definition.ts';
import { fieldDuplicate, fieldInvalid, fieldNotSupported, fieldRequired } from '../meta/field-error.ts';
import { validPortName } from '../meta/names.ts';

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

/** Names of the members that are present. */
export function present(object: object, names: readonly string[]): string[] {
  const record = object as Record<string, unknown>;
  return names.filter((name) => record[name] !== undefined && record[name] !== null);
}
