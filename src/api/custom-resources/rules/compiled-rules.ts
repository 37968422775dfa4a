import type { StructuralSchema } from '../schema/schema.ts';

export type CompiledRules = undefined;
export function compiledRules(_schema: StructuralSchema): CompiledRules {
  return undefined;
}
