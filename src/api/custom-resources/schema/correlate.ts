/** Which part of the old object a part of the new one was. */
import { canonicalJson } from '../../canonical-json.ts';
import { isJsonObject, type StructuralSchema } from './schema.ts';
import type { Before } from './validate.ts';

export function unchanged(value: unknown, before: Before | undefined): boolean {
  return (
    before !== undefined &&
    (value === before.value || canonicalJson(value ?? null) === canonicalJson(before.value ?? null))
  );
}

/** Items of a list like a map by their keys; of others there is no telling. */
export function correlate(
  list: readonly unknown[],
  schema: StructuralSchema,
  before: Before | undefined,
): (item: unknown, index: number) => Before | undefined {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (!before || !Array.isArray(before.value) || list.length === 0) return () => undefined;
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0) return () => undefined;
  const defaults = keys.map((key) => schema.items?.properties?.[key]?.default);
  const idOf = (item: unknown) =>
    isJsonObject(item) ? canonicalJson(keys.map((key, index) => item[key] ?? defaults[index] ?? null)) : undefined;
  const byKey = new Map<string | undefined, unknown>();
  for (const item of before.value) byKey.set(idOf(item), item);
  return (item) => {
    const id = idOf(item);
    return id !== undefined && byKey.has(id) ? { value: byKey.get(id) } : undefined;
  };
}
