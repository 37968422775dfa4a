/** Objects made up from a kind's schema, for tests: any shape that fits, valid or not. */
import fc from 'fast-check';
import type { Schema, SchemaSet } from '../../../schema/schema.ts';

/** Field names whose type the schema does not tell: JSON of any form. */
const anyJson = fc.constantFrom<unknown>({ a: [1, 'x'] }, { b: { c: true } });

function special(name: string): fc.Arbitrary<unknown> | undefined {
  if (name.endsWith('.Quantity')) return fc.constantFrom('1', '500m', '2Gi', '0');
  if (name.endsWith('.IntOrString')) return fc.constantFrom<unknown>(80, 'http', '25%', 0);
  if (name.endsWith('.MicroTime')) return fc.constantFrom('2026-01-02T03:04:05.000006Z', '1999-12-31T23:59:59.999999Z');
  if (name.endsWith('.Time')) return fc.constantFrom('2026-01-02T03:04:05Z', '1969-01-01T00:00:00Z');
  if (name.endsWith('.RawExtension') || name.endsWith('.FieldsV1') || name.endsWith('v1.JSON')) return anyJson;
  if (name.endsWith('.JSONSchemaPropsOrArray'))
    return fc.constantFrom<unknown>({ type: 'string' }, [{ type: 'integer' }]);
  if (name.endsWith('.JSONSchemaPropsOrBool')) return fc.constantFrom<unknown>(true, false, { type: 'string' });
  if (name.endsWith('.JSONSchemaPropsOrStringArray')) return fc.constantFrom<unknown>(['a', 'b'], { type: 'string' });
  return undefined;
}

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 4 }),
  fc.constantFrom('ü', '漢字', '👋', 'x'.repeat(60), `${'y'.repeat(60)}é`),
);

/** `depth`: levels of nested objects. */
export function fitting(schemas: SchemaSet, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const made = special(schema.$ref ?? '');
  if (made) return made;
  const resolved = schemas.resolve(schema);
  switch (resolved.type) {
    case 'string':
      return resolved.format === 'byte' ? fc.constantFrom('aGk=', 'AAECAw==') : text;
    case 'integer':
      return resolved.format === 'int32'
        ? fc.constantFrom(1, 127, 128, 70_000, 2 ** 31 - 1, -1)
        : fc.constantFrom(1, 300, 2 ** 40, -5);
    case 'number':
      return fc.constantFrom(0.5, 1);
    case 'boolean':
      return fc.constant(true);
    case 'array': {
      if (depth <= 0) return fc.constant(undefined);
      return fc.array(fitting(schemas, resolved.items ?? {}, depth - 1), { minLength: 1, maxLength: 2 });
    }
    default:
  }
  if (resolved.additionalProperties) {
    return fc.dictionary(
      fc.stringMatching(/^[a-z]{1,2}$/),
      fitting(schemas, resolved.additionalProperties, depth - 1),
      {
        minKeys: 1,
        maxKeys: 2,
        noNullPrototype: true,
      },
    );
  }
  if (!resolved.properties || depth <= 0) return fc.constant({});
  const fields = Object.entries(resolved.properties).filter(([name]) => name !== 'apiVersion' && name !== 'kind');
  return fc
    .subarray(fields, { minLength: Math.min(1, fields.length), maxLength: Math.min(5, fields.length) })
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map(([name, inner]) => [name, fitting(schemas, inner, depth - 1)])), {
        noNullPrototype: true,
      }),
    );
}
