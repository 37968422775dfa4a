/** Statuses of controllers that count pods: no count below zero, no part larger than the whole. */
import type { FieldError } from '../../definition.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { notNegativeFields } from '../checks.ts';

type Counts = Readonly<Record<string, unknown>>;

/** `parts` may not exceed `status.replicas`; available pods are ready ones. */
export function validateReplicaCounts(status: object | undefined, parts: readonly string[]): FieldError[] {
  const counts = (status ?? {}) as Counts;
  const of = (name: string) => Number(counts[name] ?? 0);
  const errors = notNegativeFields('status', counts, ['replicas', ...parts, 'observedGeneration', 'collisionCount']);
  for (const part of parts) {
    if (of(part) > of('replicas')) {
      errors.push(fieldInvalid(`status.${part}`, of(part), 'cannot be greater than status.replicas'));
    }
  }
  if (of('availableReplicas') > of('readyReplicas')) {
    errors.push(
      fieldInvalid('status.availableReplicas', of('availableReplicas'), 'cannot be greater than readyReplicas'),
    );
  }
  return errors;
}

/** A collision count only grows: names of revisions are made from it. */
export function validateCollisionCount(status: object | undefined, old: object | undefined): FieldError[] {
  const now = (status as { collisionCount?: number } | undefined)?.collisionCount;
  const before = (old as { collisionCount?: number } | undefined)?.collisionCount;
  if (before === undefined || (now !== undefined && now >= before)) return [];
  return [fieldInvalid('status.collisionCount', now ?? 0, 'cannot be decremented')];
}
