/** Validation findings: a path, a reason, a message, in upstream's forms; and the one place that makes a Status of them. */
import type { FieldError } from '../definition.ts';
import { ApiError, type StatusCause } from '../status.ts';

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === undefined || value === null) return 'null';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function make(reason: string, field: string, message: string): FieldError {
  return { reason, field, message };
}

/** A value that a rule forbids. */
export function fieldInvalid(field: string, value: unknown, detail: string): FieldError {
  return make('FieldValueInvalid', field, `Invalid value: ${shown(value)}: ${detail}`);
}

export function fieldRequired(field: string, detail = ''): FieldError {
  return make('FieldValueRequired', field, detail === '' ? 'Required value' : `Required value: ${detail}`);
}

export function fieldForbidden(field: string, detail: string): FieldError {
  return make('FieldValueForbidden', field, `Forbidden: ${detail}`);
}

export function fieldDuplicate(field: string, value: unknown): FieldError {
  return make('FieldValueDuplicate', field, `Duplicate value: ${shown(value)}`);
}

export function fieldNotFound(field: string, value: unknown): FieldError {
  return make('FieldValueNotFound', field, `Not found: ${shown(value)}`);
}

/** As `fieldInvalid`, where the value is not told: the object as a whole, or a secret. */
export function fieldWrong(field: string, detail: string): FieldError {
  return make('FieldValueInvalid', field, `Invalid value: ${detail}`);
}

export function fieldTooMany(field: string, count: number, max: number): FieldError {
  const items = max === 1 ? 'item' : 'items';
  return make('FieldValueTooMany', field, `Too many: ${count}: must have at most ${max} ${items}`);
}

/** A value outside a closed set. */
export function fieldNotSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = [...supported].sort().map((item) => JSON.stringify(item));
  return make(
    'FieldValueNotSupported',
    field,
    `Unsupported value: ${shown(value)}: supported values: ${list.join(', ')}`,
  );
}

export function fieldTooLong(field: string, maxBytes: number): FieldError {
  return make(
    'FieldValueTooLong',
    field,
    `Too long: may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}`,
  );
}

/**
 * 422 Invalid: `Pod "a" is invalid: spec.containers[0].image: Required value`, every finding as a cause.
 * `kind` is the kind with its group (`Deployment.apps`) in the message.
 */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const causes: StatusCause[] = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  const lines = errors.map((error) => `${error.field}: ${error.message}`);
  const list = lines.length === 1 ? lines[0] : `[${[...new Set(lines)].join(', ')}]`;
  return new ApiError('Invalid', `${qualified} ${JSON.stringify(name)} is invalid: ${list}`, {
    ...(name !== '' && { name }),
    group: kind.group === '' ? undefined : kind.group,
    kind: kind.kind,
    causes,
  });
}
