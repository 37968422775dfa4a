import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';
import { decodeStored, encodeForStorage, withResourceVersion } from './storage-codec.ts';

const pod = {
  spec: { containers: [{ name: 'a', image: 'x' }] },
  metadata: { name: 'a', annotations: { quoted: '"metadata":{' }, resourceVersion: '4' },
  kind: 'Pod',
  apiVersion: 'v1',
};

test('encodeForStorage() puts apiVersion, kind, metadata first and drops the resource version', () => {
  expect(Buffer.from(encodeForStorage(pod)).toString()).toBe(
    '{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"quoted":"\\"metadata\\":{"},"name":"a"},' +
      '"spec":{"containers":[{"image":"x","name":"a"}]}}',
  );
  expect(pod.metadata.resourceVersion).toBe('4');
});

test('withResourceVersion() equals parsing, setting and encoding', () => {
  const bytes = encodeForStorage(pod);
  expect(JSON.parse(withResourceVersion(bytes, 77n).toString())).toEqual(decodeStored(bytes, 77));
  const bare = encodeForStorage({ apiVersion: 'v1', kind: 'Pod' });
  expect(withResourceVersion(bare, 3).toString()).toBe(
    '{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"3"}}',
  );
});

test('canonicalJson() reads back as the value and does not depend on key order', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      const text = canonicalJson(plain);
      expect(JSON.parse(text)).toEqual(plain);
      expect(canonicalJson(reversed(plain))).toBe(text);
    }),
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}
