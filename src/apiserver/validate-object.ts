/** The last step before a write: metadata by the common rules, the rest by the kind's. */
import type { FieldError, ResourceDefinition, Strategy } from '../api/definition.ts';
import { invalid } from '../api/meta/field-error.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../api/meta/object-meta.ts';
import type { KubernetesObject } from '../api/types.ts';

/** @throws ApiError Invalid */
export function validateNew(definition: ResourceDefinition, object: KubernetesObject): void {
  const { strategy } = definition;
  const errors = [
    ...validateObjectMeta(definition, object),
    ...(strategy.validate?.(object) ?? []),
    ...(strategy.validateCreate?.(object) ?? []),
  ];
  if (errors.length > 0) throw invalid(definition, object.metadata?.name ?? '', errors);
}

/** @throws ApiError Invalid */
export function validateChanged(
  definition: ResourceDefinition,
  object: KubernetesObject,
  old: KubernetesObject,
  subresource?: string,
): void {
  const errors = [
    ...validateObjectMetaUpdate(object, old),
    ...changeErrors(definition.strategy, object, old, subresource),
  ];
  if (errors.length > 0) throw invalid(definition, object.metadata?.name ?? '', errors);
}

function changeErrors(
  strategy: Strategy,
  object: KubernetesObject,
  old: KubernetesObject,
  subresource: string | undefined,
): FieldError[] {
  if (subresource === 'status' && strategy.validateStatusUpdate) return strategy.validateStatusUpdate(object, old);
  const own = subresource === undefined ? undefined : strategy.subresources?.[subresource];
  if (own) return own.validateUpdate(object, old);
  return [...(strategy.validate?.(object) ?? []), ...(strategy.validateUpdate?.(object, old) ?? [])];
}
