import { expect, test } from 'vitest';
import { keptParts } from './kept-parts.ts';

test('of ConfigMaps and Secrets everything but the content is kept, and of the root CA that, too', () => {
  const metadata = { name: 'a', namespace: 'default', uid: 'u', resourceVersion: '5', ownerReferences: [] };
  const large = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    immutable: true,
    metadata,
    data: { k: 'v' },
    binaryData: { b: 'eA==' },
  };
  const { data: _data, binaryData: _binaryData, ...rest } = large;
  for (const id of ['/v1/configmaps', '/v1/secrets']) expect(keptParts[id]!(large)).toEqual(rest);
  expect(large.data).toEqual({ k: 'v' });
  const rootCa = { ...large, metadata: { ...metadata, name: 'kube-root-ca.crt' } };
  expect(keptParts['/v1/configmaps']!(rootCa)).toBe(rootCa);
});
