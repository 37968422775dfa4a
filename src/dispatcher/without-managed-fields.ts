import type { TypedObject } from '../api/types.ts';

/** An object as nodes need it: who owns which fields is often the larger part of a small one. */
export function withoutManagedFields<T extends TypedObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
