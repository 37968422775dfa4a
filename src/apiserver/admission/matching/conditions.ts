/** matchConditions of webhooks and policies: all must hold for a request to be of interest. */
import { admissionEnvironment, boolType, compileAdmission, ExpressionError } from '../../../api/cel/admission.ts';
import { perExpressionCostLimit } from '../../../api/cel/index.ts';
import type { MatchCondition } from '../../../api/generated/types/admissionregistration-v1.ts';
import type { CompiledExpression } from '../../../lib/cel/index.ts';
import { type ExpressionInput, isUnanswered, withVariables } from './expressions.ts';

/** Units of cost of all conditions together. */
const costBudget = 2_500_000;

export interface ConditionMatcher {
  /** The promise, or the call, throws a ConditionError when the conditions cannot be decided, and that is not to be ignored. */
  match(input: ExpressionInput): boolean | Promise<boolean>;
}

export class ConditionError extends Error {}

interface Condition {
  readonly source: string;
  readonly compiled: CompiledExpression | ExpressionError;
}

/** Undefined: there are none. What does not compile fails when it is evaluated; validation has refused it before. */
export function compileConditions(
  conditions: readonly MatchCondition[] | undefined,
  failurePolicy: string | undefined,
  params = false,
): ConditionMatcher | undefined {
  if (!conditions?.length) return undefined;
  const environment = admissionEnvironment({ params, authorizer: true });
  const compiled = conditions.map(({ expression }): Condition => {
    try {
      return { source: expression, compiled: compileAdmission(expression, environment, [boolType]) };
    } catch (error) {
      if (error instanceof ExpressionError) return { source: expression, compiled: error };
      throw error;
    }
  });
  return { match: (input) => withVariables(input, (variables) => decide(compiled, variables, failurePolicy)) };
}

/** One that does not hold settles it, whatever is wrong with the others. */
function decide(
  conditions: readonly Condition[],
  variables: Readonly<Record<string, unknown>>,
  failurePolicy: string | undefined,
): boolean {
  const errors: string[] = [];
  let left = costBudget;
  for (const { source, compiled } of conditions) {
    if (compiled instanceof Error) {
      errors.push(`compilation error: ${compiled.message}`);
      continue;
    }
    try {
      const limit = Math.min(left, perExpressionCostLimit);
      const { value, cost } = compiled.run(variables, { costBudget: limit });
      left -= cost;
      if (value === false) return false;
    } catch (error) {
      if (isUnanswered(error)) throw error;
      errors.push(`expression '${source}' resulted in error: ${(error as Error).message}`);
    }
  }
  if (errors.length === 0) return true;
  if (failurePolicy === 'Ignore') return false;
  throw new ConditionError(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
}
