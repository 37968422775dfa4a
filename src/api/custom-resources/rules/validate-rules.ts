/**
 * Values against the rules of their schema. All rules of one object share a budget. Transition rules (`oldSelf`) count only where there is
 * an old value to compare with; of other rules, one that an unchanged value breaks is not held against a change.
 */
import { CelBudgetError, CelEvaluationError, type CompiledExpression } from '../../../lib/cel/index.ts';
import { fromJson, none, Optional } from '../../../lib/cel/values.ts';
import { perExpressionCostLimit, perObjectCostBudget } from '../../cel/index.ts';
import type { FieldError } from '../../definition.ts';
import type { ValidationRule } from '../../generated/types/apiextensions-v1.ts';
import { fieldDuplicate, fieldForbidden, fieldInvalid, fieldRequired, fieldWrong } from '../../meta/field-error.ts';
import { correlate, unchanged } from '../schema/correlate.ts';
import { childPath, isJsonObject, type StructuralSchema } from '../schema/schema.ts';
import type { Before } from '../schema/validate.ts';
import type { CompiledRule, RuleTree } from './compiled-rules.ts';

const maxMessageLength = 5120;

export function validateRules(
  value: unknown,
  schema: StructuralSchema,
  tree: RuleTree | undefined,
  before?: Before,
): FieldError[] {
  if (!tree) return [];
  const run = new RuleRun();
  run.value(value, schema, tree, '', before);
  return run.errors;
}

class RuleRun {
  readonly errors: FieldError[] = [];
  #budget = perObjectCostBudget;

  value(value: unknown, schema: StructuralSchema, tree: RuleTree, path: string, before?: Before): void {
    if (value === null || value === undefined || this.#budget < 0) return;
    this.#rules(value, schema, tree, path, before);
    if (Array.isArray(value)) {
      if (!tree.items || !schema.items) return;
      const olds = correlate(value, schema, before);
      for (const [index, item] of value.entries()) {
        this.value(item, schema.items, tree.items, `${path}[${index}]`, olds(item, index));
      }
    } else if (isJsonObject(value)) this.#fields(value, schema, tree, path, before);
  }

  #fields(
    value: Record<string, unknown>,
    schema: StructuralSchema,
    tree: RuleTree,
    path: string,
    before?: Before,
  ): void {
    const old = before && isJsonObject(before.value) ? before.value : undefined;
    for (const [key, inner] of Object.entries(value)) {
      const property = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
      const rules = property ? tree.properties.get(key) : tree.additional;
      const declared =
        property ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
      if (!rules || !declared) continue;
      const was = old && Object.hasOwn(old, key) ? { value: old[key] } : undefined;
      this.value(inner, declared, rules, property ? childPath(path, key) : `${path}[${key}]`, was);
    }
  }

  #rules(value: unknown, schema: StructuralSchema, tree: RuleTree, path: string, before?: Before): void {
    const had = before !== undefined && before.value !== null && before.value !== undefined;
    const same = had && unchanged(value, before);
    for (const compiled of tree.rules) {
      if (this.#budget < 0) return;
      const { rule } = compiled;
      if (compiled.problem !== undefined) {
        this.#tell(path, schema, `rule compile error: ${compiled.problem}`);
        continue;
      }
      if (!compiled.expression || (compiled.usesOldSelf && !had && !rule.optionalOldSelf)) continue;
      const old = had ? before.value : undefined;
      const variables = variablesOf(value, old, compiled, tree);
      const holds = this.#evaluate(compiled.expression, variables, rule, path, schema);
      if (holds === undefined || holds === true || (same && !compiled.usesOldSelf)) continue;
      const detail = this.#message(compiled, variables) ?? messageOf(rule);
      const shown = schema.type === 'object' || schema.type === 'array' ? undefined : value;
      const place = rule.fieldPath ? `${path}${rule.fieldPath}`.replace(/^\./, '') : path;
      this.errors.push(errorFor(rule.reason, place === '' ? '<nil>' : place, shown, detail));
    }
  }

  /** Undefined where there is no answer, which has been told. */
  #evaluate(
    expression: CompiledExpression,
    variables: Record<string, unknown>,
    rule: ValidationRule,
    path: string,
    schema: StructuralSchema,
  ): boolean | undefined {
    try {
      const { value, cost } = expression.run(variables, { costBudget: perExpressionCostLimit });
      if (cost > this.#budget) {
        this.#budget = -1;
        this.#tell(
          path,
          schema,
          'validation failed due to running out of cost budget, no further validation rules will be run',
        );
        return undefined;
      }
      this.#budget -= cost;
      return value === true;
    } catch (error) {
      if (!(error instanceof CelEvaluationError)) throw error;
      const about = rule.message?.trim() || rule.rule.trim();
      if (error instanceof CelBudgetError) {
        this.#budget = -1;
        this.#tell(
          path,
          schema,
          `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${about}`,
        );
      } else if (error.message.startsWith('no such overload')) {
        this.#tell(
          path,
          schema,
          `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${about}`,
        );
      } else this.#tell(path, schema, `${error.message} evaluating rule: ${about}`);
      return undefined;
    }
  }

  /** Undefined: it has no value that can be shown. */
  #message({ message }: CompiledRule, variables: Record<string, unknown>): string | undefined {
    if (!message) return undefined;
    try {
      const { value, cost } = message.run(variables, { costBudget: Math.max(0, this.#budget) });
      this.#budget -= cost;
      const text = typeof value === 'string' ? value.trim() : '';
      return text === '' || text.includes('\n') || text.length > maxMessageLength ? undefined : text;
    } catch (error) {
      if (error instanceof CelEvaluationError) return undefined;
      throw error;
    }
  }

  #tell(path: string, schema: StructuralSchema, why: string): void {
    this.errors.push(fieldInvalid(path === '' ? '<nil>' : path, schema.type ?? '', why));
  }
}

function variablesOf(value: unknown, old: unknown, { rule }: CompiledRule, tree: RuleTree): Record<string, unknown> {
  if (!rule.optionalOldSelf) return { self: value, oldSelf: old };
  const oldSelf = old === undefined ? none : new Optional(fromJson(old, tree.declaration?.type));
  return { self: value, oldSelf };
}

function messageOf(rule: ValidationRule): string {
  return rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
}

function errorFor(reason: string | undefined, path: string, value: unknown, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return fieldForbidden(path, detail);
    case 'FieldValueRequired':
      return fieldRequired(path, detail);
    case 'FieldValueDuplicate':
      if (value === undefined) return { reason: 'FieldValueDuplicate', field: path, message: 'Duplicate value' };
      return fieldDuplicate(path, value);
    default:
      return value === undefined ? fieldWrong(path, detail) : fieldInvalid(path, value, detail);
  }
}
