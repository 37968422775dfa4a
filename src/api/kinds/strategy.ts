/** What most strategies share: status kept apart from spec, and a generation that moves with the spec. */
import { canonicalJson } from '../canonical-json.ts';
import type { FieldError, Strategy, StrategyContext } from '../definition.ts';
import type { KubernetesObject, TypedObject } from '../types.ts';

/** A strategy written against the kind's own type. The generic path only ever hands it objects of that kind. */
export interface TypedStrategy<T> {
  setDefaults?(object: T): void;
  prepareForCreate?(object: T, context: StrategyContext): void;
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void;
  prepareForStatusUpdate?(object: T, old: T, context: StrategyContext): void;
  validate?(object: T): FieldError[];
  validateCreate?(object: T): FieldError[];
  validateUpdate?(object: T, old: T): FieldError[];
  validateStatusUpdate?(object: T, old: T): FieldError[];
  warnings?(object: T, old: T | undefined): string[];
  readonly subresources?: Readonly<
    Record<
      string,
      {
        prepareForUpdate(object: T, old: T, context: StrategyContext): void;
        validateUpdate(object: T, old: T): FieldError[];
      }
    >
  >;
  validateName?(name: string): string | undefined;
  prepareForDeletion?(object: T, nowMs: number): void;
  gracePeriodSeconds?(object: T, requested: number | undefined): number;
}

export function typedStrategy<T extends TypedObject>(strategy: TypedStrategy<T>): Strategy {
  return strategy as unknown as Strategy;
}

/** Equal as JSON; `undefined` counts as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

/** In place: the status of `old`, whatever the client sent. */
export function keepStatus(object: TypedObject, old: TypedObject): void {
  keepField(object as KubernetesObject, old as KubernetesObject, 'status');
}

/** In place, for the status subresource: everything but metadata and status as in `old`; the generation stays. */
export function keepAllButStatus(object: TypedObject, old: TypedObject): void {
  const target = object as KubernetesObject;
  const source = old as KubernetesObject;
  for (const field of Object.keys(target)) if (!isOwnOfStatus(field)) delete target[field];
  for (const [field, value] of Object.entries(source)) if (!isOwnOfStatus(field)) target[field] = value;
  if (target.metadata && source.metadata) {
    keepField(target.metadata, source.metadata, 'generation');
    keepField(target.metadata, source.metadata, 'ownerReferences');
    keepField(target.metadata, source.metadata, 'finalizers');
  }
}

function isOwnOfStatus(field: string): boolean {
  return field === 'status' || field === 'metadata';
}

export function keepField<T extends object, K extends keyof T>(target: T, source: T, field: K): void {
  if (source[field] === undefined) delete target[field];
  else target[field] = source[field];
}

/** In place: the first generation. */
export function firstGeneration(object: TypedObject): void {
  object.metadata ??= {};
  object.metadata.generation = 1;
}

/** In place: the old generation, one more when the spec differs. */
export function moveGeneration(object: TypedObject & { spec?: unknown }, old: TypedObject & { spec?: unknown }): void {
  object.metadata ??= {};
  const before = old.metadata?.generation ?? 0;
  object.metadata.generation = sameJson(object.spec, old.spec) ? before : before + 1;
}

/** For kinds with a status that only its own endpoint changes, and no generation. */
export const statusApart: Strategy = {
  prepareForCreate(object) {
    delete object.status;
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
};
