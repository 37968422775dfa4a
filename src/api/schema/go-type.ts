/** How Go names the type behind a schema: kube-apiserver's decoding errors carry these names, and clients show them. */
import type { Schema } from './schema.ts';

/** `int32`, `[]v1.Container`, `map[string]string`, `v1.PodSpec`. */
export function goType(schema: Schema): string {
  if (schema.$ref !== undefined) return goDefinition(schema.$ref);
  switch (schema.type) {
    case 'integer':
      return schema.format ?? 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return schema.format === 'byte' ? '[]uint8' : 'string';
    case 'array':
      return `[]${goType(schema.items ?? {})}`;
    case 'object':
      return schema.additionalProperties
        ? `map[string]${goType(schema.additionalProperties)}`
        : 'map[string]interface {}';
    default:
      return 'interface {}';
  }
}

/** `io.k8s.api.core.v1.Container` → `v1.Container`. */
export function goDefinition(definition: string): string {
  return definition.split('.').slice(-2).join('.');
}

/** What Go's decoder calls a JSON value. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
