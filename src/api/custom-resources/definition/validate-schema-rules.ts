/** The rules that a schema brings: whether they compile, and whether their cost can be borne. */
import type { FieldError } from '../../definition.ts';
import type { ValidationRule } from '../../generated/types/apiextensions-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { evaluateJsonPath, fieldsOf, JsonPathError, parseJsonPath } from '../json-path.ts';
import { type CompiledRule, compileRules } from '../rules/compiled-rules.ts';
import { additionalSchema, type StructuralSchema } from '../schema/schema.ts';

/** Units of cost, of one rule and of a whole schema. */
const ruleCostLimit = 10_000_000;
const schemaCostLimit = 100_000_000;
const maxTold = 4;
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

interface Place {
  readonly path: string;
  readonly root: boolean;
  /** How often there can be such a value; undefined: nothing says. */
  readonly cardinality: number | undefined;
  /** Inside of a list or map whose parts have no identity: there is no telling what was there before. */
  readonly uncorrelatable: string | undefined;
}

export function validateSchemaRules(
  schema: StructuralSchema,
  path: string,
  { costs }: { costs: boolean },
): FieldError[] {
  const checks = new RuleChecks(costs);
  checks.check(schema, { path, root: true, cardinality: 1, uncorrelatable: undefined });
  return [...checks.errors, ...checks.total(path)];
}

class RuleChecks {
  readonly errors: FieldError[] = [];
  readonly #costs: boolean;
  readonly #expensive: { field: string; cost: number }[] = [];
  #total = 0;

  constructor(costs: boolean) {
    this.#costs = costs;
  }

  check(schema: StructuralSchema, place: Place): void {
    const { path, cardinality } = place;
    const atomicMap = schema['x-kubernetes-map-type'] === 'atomic';
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const uncorrelatable = place.uncorrelatable ?? (atomicMap ? path : undefined);
      this.check(property, {
        path: `${path}.properties[${name}]`,
        root: isEmbedded(property),
        cardinality,
        uncorrelatable,
      });
    }
    const additional = additionalSchema(schema);
    if (additional) {
      const times = multiply(cardinality, schema.maxProperties);
      this.check(additional, {
        path: `${path}.additionalProperties`,
        root: isEmbedded(additional),
        cardinality: times,
        uncorrelatable: place.uncorrelatable,
      });
    }
    if (schema.items) {
      const isMap = schema['x-kubernetes-list-type'] === 'map';
      const times = multiply(cardinality, schema.maxItems);
      this.check(schema.items, {
        path: `${path}.items`,
        root: isEmbedded(schema.items),
        cardinality: times,
        uncorrelatable: place.uncorrelatable ?? (isMap ? undefined : path),
      });
    }
    this.#rules(schema, place);
  }

  #rules(schema: StructuralSchema, place: Place): void {
    const rules = schema['x-kubernetes-validations'] ?? [];
    if (rules.length === 0) return;
    const before = this.errors.length;
    for (const [index, rule] of rules.entries()) {
      this.#words(rule, schema, `${place.path}.x-kubernetes-validations[${index}]`);
    }
    if (this.errors.length > before) return;
    for (const [index, compiled] of compileRules(schema, place.root).rules.entries()) {
      this.#compiled(compiled, place, `${place.path}.x-kubernetes-validations[${index}]`);
    }
  }

  /** Everything about a rule but the expressions themselves. */
  #words(rule: ValidationRule, schema: StructuralSchema, field: string): void {
    const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
    const invalid = (name: string, value: unknown, why: string) =>
      this.errors.push(fieldInvalid(`${field}.${name}`, value, why));
    const required = (name: string, why: string) => this.errors.push(fieldRequired(`${field}.${name}`, why));
    const trimmed = rule.rule?.trim() ?? '';
    if (trimmed === '') required('rule', 'rule is not specified');
    else if (message !== '' && message.trim() === '') invalid('message', message, 'must be non-empty if specified');
    else if (message.trim().includes('\n')) invalid('message', message, 'must not contain line breaks');
    else if (trimmed.includes('\n') && message.trim() === '') {
      required('message', 'message must be specified if rule contains line breaks');
    }
    if (messageExpression !== '' && messageExpression.trim() === '') {
      required('messageExpression', 'messageExpression must be non-empty if specified');
    }
    if (reason !== undefined && !reasons.includes(reason)) {
      this.errors.push(fieldNotSupported(`${field}.reason`, reason, reasons));
    }
    if (fieldPath === '') return;
    if (fieldPath.trim() === '') invalid('fieldPath', fieldPath, 'must be non-empty if specified');
    if (fieldPath.includes('\n')) invalid('fieldPath', fieldPath, 'must not contain line breaks');
    if (!leadsSomewhere(fieldPath, schema)) invalid('fieldPath', fieldPath, 'must be a valid path');
  }

  #compiled(compiled: CompiledRule, place: Place, field: string): void {
    const { rule, maxCost, maxMessageCost } = compiled;
    const cost = maxCost === 0 ? 0 : maxCost * (place.cardinality ?? compiled.maxCardinality);
    this.#cost(`${field}.rule`, 'estimated rule cost', cost);
    if (compiled.problem !== undefined) this.errors.push(aboutRule(`${field}.rule`, rule, compiled.problem));
    if (compiled.messageProblem !== undefined) {
      this.errors.push(aboutRule(`${field}.messageExpression`, rule, compiled.messageProblem));
    } else if (compiled.message) {
      this.#cost(`${field}.messageExpression`, 'estimated messageExpression cost', maxMessageCost);
    }
    if (compiled.usesOldSelf) {
      if (place.uncorrelatable === undefined) return;
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
      this.errors.push(fieldInvalid(`${field}.rule`, rule.rule, why));
    } else if (rule.optionalOldSelf !== undefined && compiled.problem === undefined) {
      const why = 'may not be set if oldSelf is not used in rule';
      this.errors.push(fieldInvalid(`${field}.optionalOldSelf`, rule.optionalOldSelf, why));
    }
  }

  #cost(field: string, what: string, cost: number): void {
    this.#total += cost;
    this.#expensive.push({ field, cost });
    if (this.#costs && cost > ruleCostLimit)
      this.errors.push(fieldForbidden(field, tooExpensive(what, cost, ruleCostLimit)));
  }

  total(path: string): FieldError[] {
    if (!this.#costs || this.#total <= schemaCostLimit) return [];
    const most = [...this.#expensive].sort((a, b) => b.cost - a.cost).slice(0, maxTold);
    const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...most.map(({ field }) => fieldForbidden(field, why)),
      fieldForbidden(path, tooExpensive(what, this.#total, schemaCostLimit)),
    ];
  }
}

/** The rule is shown as upstream's server shows it. */
function aboutRule(field: string, rule: ValidationRule, problem: string): FieldError {
  const shown = {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
  const text = JSON.stringify(shown).replace(/[<>&]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${text}: ${problem}` };
}

function isEmbedded(schema: StructuralSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

function multiply(cardinality: number | undefined, times: number | undefined): number | undefined {
  return cardinality === undefined || times === undefined ? undefined : cardinality * times;
}

function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** Whether the path names a field that the schema declares. */
function leadsSomewhere(text: string, schema: StructuralSchema): boolean {
  if (!text.startsWith('.') && !text.startsWith('[')) return false;
  let names: string[] | undefined;
  try {
    names = fieldsOf(parseJsonPath(text));
  } catch (error) {
    if (error instanceof JsonPathError) return false;
    throw error;
  }
  let current: StructuralSchema | undefined = schema;
  for (const name of names ?? []) {
    const [property] = evaluateJsonPath({ steps: [{ kind: 'field', name }] }, current?.properties ?? {});
    current = (property as StructuralSchema | undefined) ?? (current && additionalSchema(current));
    if (!current) return false;
  }
  return names !== undefined;
}
