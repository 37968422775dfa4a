/** A ValidatingAdmissionPolicy as it is evaluated: every expression compiled once, when the policy is first met. */
import {
  admissionEnvironment,
  boolType,
  compileAdmission,
  dynType,
  ExpressionError,
  nullType,
  stringType,
} from '../../../api/cel/admission.ts';
import type {
  AuditAnnotation,
  ValidatingAdmissionPolicySpec,
  Validation,
} from '../../../api/generated/types/admissionregistration-v1.ts';
import type { CelEnvironment, CompiledExpression, celTypes } from '../../../lib/cel/index.ts';
import { type ConditionMatcher, compileConditions } from '../matching/conditions.ts';

export interface Compiled {
  readonly source: string;
  readonly program: CompiledExpression | ExpressionError;
}

export interface CompiledPolicy {
  readonly failurePolicy: string;
  readonly conditions: ConditionMatcher | undefined;
  readonly variables: readonly { readonly name: string; readonly compiled: Compiled }[];
  readonly validations: readonly {
    readonly rule: Validation;
    readonly compiled: Compiled;
    readonly message: Compiled | undefined;
  }[];
  readonly auditAnnotations: readonly { readonly rule: AuditAnnotation; readonly compiled: Compiled }[];
}

export function compilePolicy(spec: ValidatingAdmissionPolicySpec): CompiledPolicy {
  const params = spec.paramKind !== undefined;
  const types = new Map<string, celTypes.CelType>();
  const variables = (spec.variables ?? []).map(({ name, expression }) => {
    const compiled = attempt(
      expression,
      admissionEnvironment({ params, authorizer: true, variables: types }),
      undefined,
    );
    types.set(name, compiled.program instanceof Error ? dynType : compiled.program.resultType);
    return { name, compiled };
  });
  const whole = admissionEnvironment({ params, authorizer: true, variables: types });
  const plain = admissionEnvironment({ params, authorizer: false, variables: types });
  return {
    failurePolicy: spec.failurePolicy ?? 'Fail',
    conditions: compileConditions(spec.matchConditions, spec.failurePolicy, params),
    variables,
    validations: (spec.validations ?? []).map((rule) => ({
      rule,
      compiled: attempt(rule.expression, whole, [boolType]),
      message: rule.messageExpression ? attempt(rule.messageExpression, plain, [stringType]) : undefined,
    })),
    auditAnnotations: (spec.auditAnnotations ?? []).map((rule) => ({
      rule,
      compiled: attempt(rule.valueExpression, whole, [stringType, nullType]),
    })),
  };
}

function attempt(
  source: string,
  environment: CelEnvironment,
  returns: readonly celTypes.CelType[] | undefined,
): Compiled {
  try {
    return { source, program: compileAdmission(source, environment, returns) };
  } catch (error) {
    if (error instanceof ExpressionError) return { source, program: error };
    throw error;
  }
}
