/** The Common Expression Language: compile once, look at the cost, evaluate often. */
import { check } from './checker.ts';
import { estimateCost, type SizeOf } from './cost/estimate.ts';
import type { Range } from './cost/range.ts';
import type { CelEnvironment } from './environment.ts';
import { CelCompileError } from './errors.ts';
import { compileEvaluator, type Run, variableReader } from './evaluator.ts';
import { parse } from './parser.ts';
import type { CelType } from './types.ts';
import { unwrap, type Value } from './values.ts';

export type { SizeOf } from './cost/estimate.ts';
export type { Range } from './cost/range.ts';
export type { CelEnvironment } from './environment.ts';
export { CelBudgetError, CelCompileError, CelEvaluationError, type CelIssue } from './errors.ts';
export { type CallCost, fixedCost, fn, type Library, method, type Overload } from './overload.ts';
export * as celTypes from './types.ts';
export { OpaqueValue, Optional, type Value } from './values.ts';

/** Units of cost that one evaluation may use where nothing else is said, as in Kubernetes. */
export const defaultCostBudget = 1_000_000;

export interface EvaluateOptions {
  /** Units of cost. */
  readonly costBudget?: number | undefined;
}

export interface CompiledExpression {
  readonly source: string;
  readonly resultType: CelType;
  /** Names of variables that it reads. */
  readonly uses: ReadonlySet<string>;
  /** At the least and at the most; `sizes` says how long what variables lead to can be. */
  estimateCost(sizes?: SizeOf): Range;
  /**
   * The value, as JSON has it. Variables that are missing are errors where they are read.
   *
   * @throws CelEvaluationError, and CelBudgetError once the budget is used up.
   */
  evaluate(variables: Readonly<Record<string, unknown>>, options?: EvaluateOptions): unknown;
  /** As `evaluate`, and what it cost; the value as the language has it. */
  run(variables: Readonly<Record<string, unknown>>, options?: EvaluateOptions): { value: Value; cost: number };
}

const noSizes: SizeOf = () => undefined;

/** @throws CelCompileError */
export function compile(expression: string, environment: CelEnvironment): CompiledExpression {
  const { checked, issues } = check(parse(expression), environment);
  if (issues.length > 0) throw new CelCompileError(expression, issues);
  const evaluator = compileEvaluator(checked, environment.structs);
  const run = (variables: Readonly<Record<string, unknown>>, options: EvaluateOptions = {}) => {
    const state: Run = {
      variables: variableReader(environment.variables, variables),
      slots: [],
      cost: 0,
      limit: options.costBudget ?? defaultCostBudget,
    };
    return { value: evaluator(state), cost: state.cost };
  };
  return {
    source: expression,
    resultType: checked.types.get(checked.expression.id)!,
    uses: checked.variables,
    estimateCost: (sizes = noSizes) => estimateCost(checked, sizes),
    evaluate: (variables, options) => unwrap(run(variables, options).value),
    run,
  };
}
