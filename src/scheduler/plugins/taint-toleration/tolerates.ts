import type { Taint, Toleration } from '../../../api/generated/types/core-v1.ts';

/** Kubernetes API, `Toleration`: an empty key with `Exists` tolerates everything, an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  const operator = toleration.operator || 'Equal';
  if (!toleration.key) return operator === 'Exists';
  if (toleration.key !== taint.key) return false;
  return operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
}
