/** The rules of a schema (`x-kubernetes-validations`), compiled once; a tree of the parts that have any. */
import { CelCompileError, type CompiledExpression, compile } from '../../../lib/cel/index.ts';
import { type CelType, optionalOf } from '../../../lib/cel/types.ts';
import { kubernetesEnvironment } from '../../cel/index.ts';
import type { ValidationRule } from '../../generated/types/apiextensions-v1.ts';
import { additionalSchema, type StructuralSchema } from '../schema/schema.ts';
import { type Declaration, declare, maxCardinality, sizesOf } from './declaration.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent: `problem` says why. */
  readonly expression?: CompiledExpression | undefined;
  readonly problem?: string | undefined;
  readonly message?: CompiledExpression | undefined;
  readonly messageProblem?: string | undefined;
  /** A transition rule: only where there is an old value. */
  readonly usesOldSelf: boolean;
  /** At the most, of one evaluation; and how often there can be one. */
  readonly maxCost: number;
  readonly maxMessageCost: number;
  readonly maxCardinality: number;
}

/** Undefined where neither a schema nor anything in it has rules. */
export interface RuleTree {
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly items: RuleTree | undefined;
  readonly additional: RuleTree | undefined;
  readonly all: readonly RuleTree[];
  readonly declaration: Declaration | undefined;
}

export function ruleTree(schema: StructuralSchema, root = true): RuleTree | undefined {
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const tree = ruleTree(property, property['x-kubernetes-embedded-resource'] === true);
    if (tree) properties.set(name, tree);
  }
  const inner = (one: StructuralSchema | undefined) =>
    one && ruleTree(one, one['x-kubernetes-embedded-resource'] === true);
  const items = inner(schema.items);
  const additional = inner(additionalSchema(schema));
  const { rules, declaration } = compileRules(schema, root);
  if (rules.length === 0 && properties.size === 0 && !items && !additional) return undefined;
  return { rules, properties, items, additional, all: [], declaration };
}

/** Of one place alone. */
export function compileRules(
  schema: StructuralSchema,
  root: boolean,
): { rules: CompiledRule[]; declaration: Declaration | undefined } {
  const validations = schema['x-kubernetes-validations'] ?? [];
  if (validations.length === 0) return { rules: [], declaration: undefined };
  const declaration = declare(schema, root);
  return { rules: validations.map((rule) => compileRule(rule, declaration)), declaration };
}

function compileRule(rule: ValidationRule, declaration: Declaration | undefined): CompiledRule {
  const nothing = { rule, usesOldSelf: false, maxCost: 0, maxMessageCost: 0, maxCardinality: 1 };
  if (!declaration) return { ...nothing, problem: 'failed to convert to declType for CEL validation rules' };
  if (rule.rule.trim() === '') return nothing;
  const oldSelf: CelType = rule.optionalOldSelf ? optionalOf(declaration.type) : declaration.type;
  const environment = kubernetesEnvironment({ self: declaration.type, oldSelf });
  const compiled = attempt(() => compile(rule.rule, environment));
  if ('problem' in compiled) return { ...nothing, problem: `compilation failed: ${compiled.problem}` };
  const { value: expression } = compiled;
  if (expression.resultType.kind !== 'bool') return { ...nothing, problem: 'cel expression must evaluate to a bool' };
  const sizes = sizesOf(declaration);
  const result = {
    ...nothing,
    expression,
    usesOldSelf: expression.uses.has('oldSelf'),
    maxCost: expression.estimateCost(sizes).max,
    maxCardinality: maxCardinality(declaration),
  };
  if (!rule.messageExpression) return result;
  const message = attempt(() => compile(rule.messageExpression!, environment));
  if ('problem' in message) {
    return { ...result, messageProblem: `messageExpression compilation failed: ${message.problem}` };
  }
  if (message.value.resultType.kind !== 'string') {
    return { ...result, messageProblem: 'messageExpression must evaluate to a string' };
  }
  return { ...result, message: message.value, maxMessageCost: message.value.estimateCost(sizes).max };
}

function attempt<T>(make: () => T): { value: T } | { problem: string } {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof CelCompileError) return { problem: error.message };
    throw error;
  }
}
