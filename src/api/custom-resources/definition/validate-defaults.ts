/** Defaults must be values that their own schema takes as they are. */
import type { FieldError } from '../../definition.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { prune } from '../schema/prune.ts';
import { additionalSchema, isJsonObject, type StructuralSchema } from '../schema/schema.ts';
import { validateBySchema } from '../schema/validate.ts';

export function validateDefaults(schema: StructuralSchema, path: string): FieldError[] {
  const own = schema.default === undefined ? [] : validateDefault(schema, `${path}.default`);
  const additional = additionalSchema(schema);
  return [
    ...own,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      validateDefaults(property, `${path}.properties[${name}]`),
    ),
    ...(schema.items ? validateDefaults(schema.items, `${path}.items`) : []),
    ...(additional ? validateDefaults(additional, `${path}.additionalProperties`) : []),
  ];
}

function validateDefault(schema: StructuralSchema, field: string): FieldError[] {
  const value = schema.default;
  if (isJsonObject(value) && !schema['x-kubernetes-embedded-resource']) {
    const copy = structuredClone(value);
    if (pruneInner(copy, schema)) {
      return [fieldInvalid(field, value, 'must not have unknown fields')];
    }
  }
  return validateBySchema(value, schema).map((error) => ({ ...error, field: within(field, error.field) }));
}

function within(field: string, inner: string): string {
  return inner === '' || inner === '<nil>' || inner.startsWith('[')
    ? field + inner.replace('<nil>', '')
    : `${field}.${inner}`;
}

/** Whether anything was dropped; nothing here is a resource, whose metadata would stay. */
function pruneInner(value: Record<string, unknown>, schema: StructuralSchema): boolean {
  return prune({ value }, { type: 'object', properties: { value: schema } }).length > 0;
}
