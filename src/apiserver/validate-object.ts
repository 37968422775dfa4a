/** The last step before a write: metadata by the common rules, the rest by the kind's. */
import type { ResourceDefinition } from '../api/definition.ts';
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
export function validateChanged(definition: ResourceDefinition, object: KubernetesObject, old: KubernetesObject): void {
  const { strategy } = definition;
  const errors = [
    ...validateObjectMetaUpdate(object, old),
    ...(strategy.validate?.(object) ?? []),
    ...(strategy.validateUpdate?.(object, old) ?? []),
  ];
  if (errors.length > 0) throw invalid(definition, object.metadata?.name ?? '', errors);
}
