import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { builtInSchemas } from '../../schema/schema.ts';
import { decodeProtobuf, ProtobufError } from './decode.ts';

/** What kubectl 1.33 sent for `kubectl create …`, and what the same command prints with `--dry-run=client -o json`. */
const captured = JSON.parse(readFileSync(new URL('testdata/kubectl-1.33.json', import.meta.url), 'utf8')) as Record<
  string,
  { protobuf: string; json: unknown }
>;

const decode = (bytes: Uint8Array) => decodeProtobuf(builtInSchemas(), bytes);

/** kubectl's JSON writes the zero time as null, and its dry run fills the namespace in. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner) =>
      inner === null || (key === 'namespace' && inner === 'default') ? undefined : inner,
    ),
  );
}

test.each(Object.entries(captured))(
  'what kubectl sends for a %s is the object that it prints',
  (_, { protobuf, json }) => {
    expect(decode(Buffer.from(protobuf, 'base64'))).toEqual(withoutNulls(json));
  },
);

test('a pointer to zero is kept', () => {
  const { spec } = decode(Buffer.from(captured.deployment!.protobuf, 'base64')) as { spec: { replicas: number } };
  expect(spec.replicas).toBe(0);
});

test('any damage gives a ProtobufError or an object, nothing else', () => {
  const bodies = Object.values(captured).map(({ protobuf }) => Buffer.from(protobuf, 'base64'));
  fc.assert(
    fc.property(fc.constantFrom(...bodies), fc.nat(), fc.nat(255), fc.nat(), (body, at, byte, cut) => {
      const damaged = Buffer.from(body.subarray(0, body.length - (cut % 5)));
      damaged[at % damaged.length] = byte;
      try {
        expect(decode(damaged)).toBeTypeOf('object');
      } catch (error) {
        expect(error).toBeInstanceOf(ProtobufError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a kind that is not known, and a body without the magic, are named', () => {
  expect(() => decode(Buffer.from('{}'))).toThrow('does not start with');
  const typeMeta = Buffer.from([0x0a, 2, 0x76, 0x31, 0x12, 1, 0x58]);
  expect(() => decode(Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, typeMeta.length]), typeMeta]))).toThrow(
    'no kind "X" is registered for version "v1"',
  );
});
