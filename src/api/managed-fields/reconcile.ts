/** Sets that were stored under an older schema: whoever owned parts of what is atomic now owns it as a whole. */
import { emptyFields, type FieldSet, isEmptySet, isMember, type MutableFieldSet, self } from './field-set.ts';
import type { FieldType } from './field-type.ts';
import { elementType } from './to-fields.ts';

/** The same set when there is nothing to do. */
export function reconcileSet(type: FieldType | undefined, set: FieldSet): FieldSet {
  let result: MutableFieldSet | undefined;
  for (const element in set) {
    if (element === self) continue;
    const node = set[element]!;
    const inner = elementType(type, element);
    if (!inner || isEmptySet(node)) continue;
    const fresh = isAtomic(inner) ? emptyFields : reconcileSet(inner, node);
    if (fresh === node) continue;
    result ??= { ...set };
    result[element] = isMember(node) && !isEmptySet(fresh) ? { ...fresh, [self]: emptyFields } : fresh;
  }
  return result ?? set;
}

function isAtomic(type: FieldType): boolean {
  return type.kind === 'map' ? type.atomic : type.kind === 'list' && type.mode === 'atomic';
}
