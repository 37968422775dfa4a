import { expect, test } from 'vitest';
import { withoutManagedFields } from './without-managed-fields.ts';

test('withoutManagedFields leaves all else, and the object itself, as it is', () => {
  const metadata = { name: 'a', namespace: 'b', resourceVersion: '7', annotations: { kept: 'yes' } };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'value' } };
  expect(withoutManagedFields(object)).toBe(object);
  const managed = { ...object, metadata: { ...metadata, managedFields: [{ manager: 'kubectl' }] } };
  expect(withoutManagedFields(managed)).toEqual(object);
  expect(managed.metadata.managedFields).toHaveLength(1);
});
