import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBySchema } from './decode.ts';
import { builtInSchemas, type Schema } from './schema.ts';

const schemas = builtInSchemas();
const pod = 'io.k8s.api.core.v1.Pod';

/** Values that fit a schema, a few levels deep, and are not empty. */
function fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const name = schema.$ref ?? '';
  if (name.endsWith('.Quantity')) return fc.constantFrom('1', '500m', '2Gi');
  if (name.endsWith('.IntOrString')) return fc.constantFrom(80, 'http');
  if (name.endsWith('.Time')) return fc.constant('2026-01-02T03:04:05Z');
  if (name.endsWith('.MicroTime')) return fc.constant('2026-01-02T03:04:05.000006Z');
  const resolved = schemas.resolve(schema);
  switch (resolved.type) {
    case 'string':
      return resolved.format === 'byte' ? fc.constant('aGk=') : fc.string({ minLength: 1, maxLength: 3 });
    case 'integer':
      return fc.integer({ min: 1, max: 100 });
    case 'number':
      return fc.constantFrom(0.5, 1);
    case 'boolean':
      return fc.constant(true);
    case 'array':
      return depth <= 0
        ? fc.constant(undefined)
        : fc.array(fitting(resolved.items!, depth - 1), { minLength: 1, maxLength: 2 });
    default:
  }
  if (resolved.additionalProperties) {
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,2}$/), fitting(resolved.additionalProperties, depth - 1), {
      minKeys: 1,
      maxKeys: 2,
      noNullPrototype: true,
    });
  }
  if (!resolved.properties || depth <= 0) return fc.constant({});
  const fields = Object.entries(resolved.properties);
  return fc.subarray(fields, { maxLength: Math.min(4, fields.length) }).chain((chosen) =>
    fc.record(Object.fromEntries(chosen.map(([field, property]) => [field, fitting(property, depth - 1)])), {
      noNullPrototype: true,
    }),
  );
}

const arbitraryPod = fitting({ $ref: pod }, 6);

describe('decodeBySchema()', () => {
  test('what fits has no unknown field, and decoding again changes nothing', () => {
    fc.assert(
      fc.property(arbitraryPod, (value) => {
        const decoded = decodeBySchema(schemas, pod, value);
        expect(decoded.unknownFields).toEqual([]);
        expect(decoded.value).toMatchObject(JSON.parse(JSON.stringify(value)));
        expect(decodeBySchema(schemas, pod, decoded.value)).toEqual(decoded);
      }),
      { numRuns: 200 },
    );
  });

  test('what is empty is absent where Kubernetes leaves it out, and stays where it means something', () => {
    const spec = (value: object) => (decodeBySchema(schemas, pod, { spec: value }).value as { spec: object }).spec;
    const absent = { hostNetwork: false, nodeName: '', tolerations: [], nodeSelector: {}, containers: [] };
    expect(spec(absent)).toEqual({ containers: [] });
    // Pointers in Go: false and 0 are not the default.
    const meant = { enableServiceLinks: false, terminationGracePeriodSeconds: 0, securityContext: {}, containers: [] };
    expect(spec(meant)).toEqual(meant);
    const env = [{ name: 'A', value: '', valueFrom: { configMapKeyRef: { name: '', key: '', optional: false } } }];
    const container = { name: '', image: '', ports: [{ containerPort: 0, protocol: '' }], resources: {}, env };
    expect(spec({ containers: [container] })).toEqual({
      containers: [
        {
          name: '',
          ports: [{ containerPort: 0, protocol: 'TCP' }],
          resources: {},
          env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: '', key: '', optional: false } } }],
        },
      ],
    });
  });

  test('a field that nobody knows is dropped and told with its path, wherever it is', () => {
    fc.assert(
      fc.property(arbitraryPod, (value) => {
        const clean = decodeBySchema(schemas, pod, value);
        const spec = (value as { spec?: object }).spec ?? {};
        const container = { name: 'c', bogus: [1] };
        const dirty = {
          ...(value as object),
          spec: { ...spec, initContainers: [{ name: 'a' }, container], bogus: null },
          bogus: {},
        };
        const decoded = decodeBySchema(schemas, pod, dirty);
        expect([...decoded.unknownFields].sort()).toEqual(['bogus', 'spec.bogus', 'spec.initContainers[1].bogus']);
        const { initContainers: _, ...rest } = decoded.value.spec as Record<string, unknown>;
        const { initContainers: __, ...before } = (clean.value.spec ?? {}) as Record<string, unknown>;
        expect(rest).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  test('a wrong type is an error, never a value', () => {
    const wrong: [unknown, RegExp][] = [
      [[], /cannot unmarshal array into Go value of type v1\.Pod/],
      [{ spec: 'x' }, /cannot unmarshal string into Go struct field Pod\.spec of type v1\.PodSpec/],
      [
        { spec: { containers: {} } },
        /cannot unmarshal object into Go struct field PodSpec\.spec\.containers of type \[\]v1\.Container/,
      ],
      [
        { spec: { hostNetwork: 'yes' } },
        /cannot unmarshal string into Go struct field PodSpec\.spec\.hostNetwork of type bool/,
      ],
      [{ spec: { priority: 2 ** 31 } }, /cannot unmarshal number 2147483648 into .* of type int32/],
      [{ metadata: { creationTimestamp: 'yesterday' } }, /parsing time "yesterday"/],
      [{ spec: { overhead: { cpu: 'lots' } } }, /quantities must match the regular expression/],
      [{ spec: { nodeSelector: [] } }, /of type map\[string\]string/],
    ];
    for (const [value, message] of wrong) expect(() => decodeBySchema(schemas, pod, value)).toThrow(message);
  });

  test('keys such as __proto__ are kept as labels and refused as fields', () => {
    const value = JSON.parse('{"__proto__":{"x":1},"metadata":{"labels":{"__proto__":"a","constructor":"b"}}}');
    const decoded = decodeBySchema(schemas, pod, value);
    expect(decoded.unknownFields).toEqual(['__proto__']);
    const { labels } = decoded.value.metadata as { labels: object };
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
