/** Who makes volumes and how: what StorageClasses and VolumeAttributesClasses share. */
import type { FieldError } from '../../definition.ts';
import { fieldInvalid, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { matches } from '../checks.ts';

const maxParameters = 512;
/** Keys and values together. */
const maxParameterBytes = 256 * 1024;

export function validateProvisioner(name: string | undefined, field: string): FieldError[] {
  return name ? matches(field, name.toLowerCase(), validQualifiedName) : [fieldRequired(field)];
}

export function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > maxParameters) return [fieldTooLong(field, maxParameters)];
  const errors = entries
    .filter(([key]) => key === '')
    .map(([key]) => fieldInvalid(field, key, 'field can not be empty.'));
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return bytes > maxParameterBytes ? [...errors, fieldTooLong(field, maxParameterBytes)] : errors;
}
