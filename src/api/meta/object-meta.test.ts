import { expect, test } from 'vitest';
import { nodeDefinition } from '../kinds/node/definition.ts';
import { podDefinition } from '../kinds/pod/definition.ts';
import { invalid } from './field-error.ts';
import { generateName } from './generate-name.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

test('a bad name is told in the form that clients know', () => {
  const errors = validateObjectMeta(podDefinition, { metadata: { name: 'My_Pod', namespace: 'default' } });
  const status = invalid(podDefinition, 'My_Pod', errors).toStatus();
  expect(status.code).toBe(422);
  expect(status.message).toBe(
    'Pod "My_Pod" is invalid: metadata.name: Invalid value: "My_Pod": a lowercase RFC 1123 subdomain must consist of lower case ' +
      "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex " +
      "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  );
  expect(status.details?.causes?.map((cause) => [cause.field, cause.reason])).toEqual([
    ['metadata.name', 'FieldValueInvalid'],
  ]);
});

test('namespace is required or forbidden by scope, and a name always needed', () => {
  const fields = (errors: { field: string; reason: string }[]) =>
    errors.map((error) => `${error.field} ${error.reason}`);
  expect(fields(validateObjectMeta(podDefinition, { metadata: {} }))).toEqual([
    'metadata.name FieldValueRequired',
    'metadata.namespace FieldValueRequired',
  ]);
  expect(fields(validateObjectMeta(nodeDefinition, { metadata: { name: 'a', namespace: 'b' } }))).toEqual([
    'metadata.namespace FieldValueForbidden',
  ]);
});

test('labels, annotations, finalizers and owners are checked', () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u', controller: true };
  const metadata = {
    name: 'a',
    namespace: 'b',
    labels: { 'bad key': 'v', ok: '-bad' },
    annotations: { big: 'x'.repeat(256 * 1024) },
    finalizers: ['unqualified'],
    ownerReferences: [owner, { ...owner, name: 'p' }],
  };
  expect(validateObjectMeta(podDefinition, { metadata }).map((error) => error.field)).toEqual([
    'metadata.labels',
    'metadata.labels',
    'metadata.annotations',
    'metadata.finalizers[0]',
    'metadata.ownerReferences',
  ]);
});

test('an update may change neither identity nor add finalizers to what is being deleted', () => {
  const old = { metadata: { name: 'a', uid: '1', finalizers: ['x/y'], deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(validateObjectMetaUpdate({ metadata: { ...old.metadata, finalizers: [] } }, old)).toEqual([]);
  const changed = { metadata: { ...old.metadata, uid: '2', finalizers: ['x/y', 'x/z'] } };
  expect(validateObjectMetaUpdate(changed, old).map((error) => error.field)).toEqual([
    'metadata.uid',
    'metadata.finalizers',
  ]);
});

test('generateName() keeps within 63 characters', () => {
  expect(generateName('web-', () => 0)).toBe('web-bbbbb');
  expect(generateName('x'.repeat(100), (count) => count - 1)).toHaveLength(63);
});
