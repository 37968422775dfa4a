/** How volumes may be mounted: what PersistentVolumes and their claims share. */
import type { FieldError } from '../../definition.ts';
import { fieldForbidden, fieldNotSupported } from '../../meta/field-error.ts';

const shortNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

export const volumeModes = ['Block', 'Filesystem'];

/** `RWO,ROX`: each once, in the order of the table above. */
export function shortAccessModes(modes: readonly string[] | undefined): string {
  return Object.entries(shortNames)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

export function validateAccessModes(field: string, modes: readonly string[] | undefined): FieldError[] {
  const list = modes ?? [];
  const errors = list
    .filter((mode) => !Object.hasOwn(shortNames, mode))
    .map((mode) => fieldNotSupported(field, mode, Object.keys(shortNames)));
  const others = list.some((mode) => mode !== 'ReadWriteOncePod' && Object.hasOwn(shortNames, mode));
  if (list.includes('ReadWriteOncePod') && others) {
    errors.push(fieldForbidden(field, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}
