/** One policy, one binding, one parameter, one request: what the policy says. */
import { perExpressionCostLimit } from '../../../api/cel/index.ts';
import { CelBudgetError } from '../../../lib/cel/index.ts';
import { ConditionError } from '../matching/conditions.ts';
import { type ExpressionInput, isUnanswered, withVariables } from '../matching/expressions.ts';
import type { Compiled, CompiledPolicy } from './compile-policy.ts';

/** Units of cost of all expressions of one evaluation together. */
const costBudget = 10_000_000;
/** Of what a messageExpression gives. */
const maxMessageBytes = 5 * 1024;

export interface Denial {
  /** Index of the validation; undefined: something else failed. */
  readonly index: number;
  readonly message: string;
  /** A StatusReason; Invalid when it is not said. */
  readonly reason: string | undefined;
}

export interface Verdict {
  readonly denials: readonly Denial[];
  /** Failed themselves: refused with the policy, whatever its binding's actions. */
  readonly failures: readonly string[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: string }[];
}

const nothing: Verdict = { denials: [], failures: [], auditAnnotations: [] };

/** Does not throw for what goes wrong in expressions: the failure policy has decided what becomes of it. */
export async function evaluatePolicy(policy: CompiledPolicy, input: ExpressionInput): Promise<Verdict> {
  const fail = (message: string): Verdict =>
    policy.failurePolicy === 'Ignore' ? nothing : { ...nothing, denials: [{ index: 0, message, reason: undefined }] };
  try {
    if (policy.conditions && !(await policy.conditions.match(input))) return nothing;
    return await withVariables(input, (variables) => decide(policy, variables));
  } catch (error) {
    if (error instanceof ConditionError || error instanceof CelBudgetError) return fail(error.message);
    throw error;
  }
}

function decide(policy: CompiledPolicy, outer: Readonly<Record<string, unknown>>): Verdict {
  const evaluator = new Evaluator(policy, outer);
  const ignores = policy.failurePolicy === 'Ignore';
  const denials: Denial[] = [];
  policy.validations.forEach(({ rule, compiled, message }, index) => {
    const result = evaluator.try(compiled);
    if ('error' in result) {
      if (!ignores) denials.push({ index, message: result.error, reason: undefined });
    } else if (result.value !== true) {
      const said = message && messageOf(evaluator.try(message));
      const text = said || rule.message?.trim() || `failed expression: ${rule.expression.trim()}`;
      denials.push({ index, message: text, reason: rule.reason });
    }
  });
  const failures: string[] = [];
  const auditAnnotations: { key: string; value: string }[] = [];
  for (const { rule, compiled } of policy.auditAnnotations) {
    const result = evaluator.try(compiled);
    if ('error' in result) {
      if (!ignores) failures.push(result.error);
    } else if (typeof result.value === 'string' && result.value.trim() !== '') {
      auditAnnotations.push({ key: rule.key, value: result.value.trim() });
    }
  }
  return { denials, failures, auditAnnotations };
}

type Result = { readonly value: unknown } | { readonly error: string };

/** Undefined: of no use. */
function messageOf(result: Result): string | undefined {
  if ('error' in result || typeof result.value !== 'string') return undefined;
  const message = result.value.trim();
  return Buffer.byteLength(message) > maxMessageBytes || message.includes('\n') ? undefined : message;
}

class Evaluator {
  readonly #variables: Record<string, unknown>;
  #left = costBudget;

  constructor(policy: CompiledPolicy, outer: Readonly<Record<string, unknown>>) {
    const variables: Record<string, unknown> = {};
    // Getters stay getters.
    Object.defineProperties(variables, Object.getOwnPropertyDescriptors(outer));
    variables.variables = this.#composed(policy, variables);
    this.#variables = variables;
  }

  /** Each variable is evaluated when it is first read. */
  #composed({ variables }: CompiledPolicy, all: Readonly<Record<string, unknown>>): object {
    const composed = {};
    for (const { name, compiled } of variables) {
      let known: { readonly value: unknown } | { readonly thrown: unknown } | undefined;
      const read = () => {
        if (!known) {
          try {
            known = { value: this.#run(compiled, all) };
          } catch (thrown) {
            if (isUnanswered(thrown)) throw thrown;
            known = { thrown };
          }
        }
        if ('thrown' in known) throw known.thrown;
        return known.value;
      };
      Object.defineProperty(composed, name, { enumerable: true, get: read });
    }
    return composed;
  }

  #run({ program }: Compiled, variables: Readonly<Record<string, unknown>>): unknown {
    if (program instanceof Error) throw program;
    const { value, cost } = program.run(variables, { costBudget: Math.min(this.#left, perExpressionCostLimit) });
    this.#left -= cost;
    return value;
  }

  /** @throws CelBudgetError once nothing is left for anything */
  try(compiled: Compiled): Result {
    if (compiled.program instanceof Error) return { error: `compilation error: ${compiled.program.message}` };
    try {
      return { value: this.#run(compiled, this.#variables) };
    } catch (error) {
      if (isUnanswered(error)) throw error;
      if (error instanceof CelBudgetError && this.#left < perExpressionCostLimit) throw error;
      return { error: `expression '${compiled.source}' resulted in error: ${(error as Error).message}` };
    }
  }
}
