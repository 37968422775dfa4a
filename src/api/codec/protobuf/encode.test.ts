import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKindRegistry } from '../../registry.ts';
import { decodeBySchema } from '../../schema/decode.ts';
import { builtInSchemas } from '../../schema/schema.ts';
import { apiVersionOf, type KubernetesObject } from '../../types.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeListEnvelope, encodeMessage, encodeProtobuf, listItemHead, watchFrameHead } from './encode.ts';
import { fitting } from './testing/generate.ts';

const schemas = builtInSchemas();
const registry = createKindRegistry();
const captured = JSON.parse(readFileSync(new URL('testdata/kubectl-1.33.json', import.meta.url), 'utf8')) as Record<
  string,
  { protobuf: string; json: unknown }
>;

describe.each(Object.entries(captured))('%s', (_, { protobuf }) => {
  test('what Go wrote comes out the same, byte for byte', () => {
    const bytes = Buffer.from(protobuf, 'base64');
    const object = decodeProtobuf(schemas, bytes) as KubernetesObject;
    expect(encodeProtobuf(schemas, object).toString('hex')).toBe(bytes.toString('hex'));
  });
});

/** A target port of 0 is none: Go has no way to tell them apart, and defaulting makes both the port itself. */
function withoutZeroTarget(object: KubernetesObject): KubernetesObject {
  return JSON.parse(JSON.stringify(object), (key, value) => (key === 'targetPort' && value === 0 ? undefined : value));
}

describe.each(
  registry.definitions.map((definition) => [`${apiVersionOf(definition)} ${definition.kind}`, definition] as const),
)('%s', (_, definition) => {
  const arbitrary = fitting(schemas, { $ref: definition.schema }, 5);

  test('what is written reads back as the same object', () => {
    fc.assert(
      fc.property(arbitrary, (made) => {
        const { value } = decodeBySchema(schemas, definition.schema, made);
        const object = { apiVersion: apiVersionOf(definition), kind: definition.kind, ...value };
        const bytes = encodeProtobuf(schemas, object);
        // Go's structs are always there: what was absent comes back as empty, and so no more than matches.
        const again = decodeProtobuf(schemas, bytes) as KubernetesObject;
        expect(again).toMatchObject(withoutZeroTarget(object));
        expect(encodeProtobuf(schemas, again).toString('hex')).toBe(bytes.toString('hex'));
      }),
      { numRuns: 20 },
    );
  });
});

test('a list is what a list object would be, and a frame holds its event', () => {
  const items = [{ metadata: { name: 'a' } }, { metadata: { name: 'b' }, data: { k: 'v' } }];
  const list = { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7', remainingItemCount: 3 } };
  const messages = items.map((item) => encodeMessage('io.k8s.api.core.v1.ConfigMap', item));
  const parts = messages.flatMap((message) => [listItemHead(message.length), message]);
  const { head, tail } = encodeListEnvelope(
    list,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  const bytes = Buffer.concat([head, ...parts, tail]);
  expect(bytes.toString('hex')).toBe(encodeProtobuf(schemas, { ...list, items }).toString('hex'));

  const object = encodeProtobuf(schemas, { apiVersion: 'v1', kind: 'ConfigMap', ...items[0] });
  const frame = Buffer.concat([watchFrameHead('ADDED', object.length), object]);
  expect(frame.readUInt32BE(0)).toBe(frame.length - 4);
  expect(frame.subarray(4, 11).toString('latin1')).toBe('\x0a\x05ADDED');
  expect(frame.subarray(-object.length)).toEqual(object);
});
