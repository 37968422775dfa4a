import type { FieldError } from '../../definition.ts';
import type { StructuralSchema } from '../schema/schema.ts';
import type { Before } from '../schema/validate.ts';
import type { CompiledRules } from './compiled-rules.ts';

export function validateRules(
  _value: unknown,
  _schema: StructuralSchema,
  _rules: CompiledRules,
  _before?: Before,
): FieldError[] {
  return [];
}
