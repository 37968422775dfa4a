/** What ConfigMaps and Secrets share: keys, size, and the promise never to change. */
import type { FieldError } from '../../definition.ts';
import { fieldForbidden, fieldInvalid, fieldTooLong } from '../../meta/field-error.ts';
import { validConfigMapKey } from '../../meta/names.ts';
import { sameJson } from '../strategy.ts';

/** Of all values together. */
export const maxDataBytes = 1024 * 1024;

type Data = Readonly<Record<string, string>> | undefined;

export function validateKeys(data: Data, field: string): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) => {
    const problem = validConfigMapKey(key);
    return problem ? [fieldInvalid(`${field}[${key}]`, key, problem)] : [];
  });
}

/** `field` is where an excess is told; `[]` is how upstream says "the object as a whole". */
export function validateSize(field: string, text: Data, base64: Data): FieldError[] {
  let bytes = 0;
  for (const value of Object.values(text ?? {})) bytes += Buffer.byteLength(value);
  for (const value of Object.values(base64 ?? {})) bytes += Buffer.byteLength(value, 'base64');
  return bytes > maxDataBytes ? [fieldTooLong(field, maxDataBytes)] : [];
}

interface Immutable {
  immutable?: boolean | undefined;
  data?: Data;
  binaryData?: Data;
}

export function validateImmutable(object: Immutable, old: Immutable): FieldError[] {
  if (!old.immutable) return [];
  const detail = 'field is immutable when `immutable` is set';
  const errors: FieldError[] = [];
  if (!object.immutable) errors.push(fieldForbidden('immutable', detail));
  for (const field of ['data', 'binaryData'] as const) {
    if (!sameJson(object[field] ?? {}, old[field] ?? {})) errors.push(fieldForbidden(field, detail));
  }
  return errors;
}
