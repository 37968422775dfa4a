/** CEL expressions in objects: what does not compile is refused where it is written. */
import type { CelEnvironment, celTypes } from '../../lib/cel/index.ts';
import { compileAdmission, ExpressionError } from '../cel/admission.ts';
import type { FieldError } from '../definition.ts';
import { fieldInvalid } from '../meta/field-error.ts';

/** An empty expression is somebody else's error. */
export function validateExpression(
  field: string,
  expression: string | undefined,
  environment: CelEnvironment,
  returns: readonly celTypes.CelType[] | undefined,
): FieldError[] {
  if (!expression?.trim()) return [];
  try {
    compileAdmission(expression, environment, returns);
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [fieldInvalid(field, expression, error.message)];
  }
}
