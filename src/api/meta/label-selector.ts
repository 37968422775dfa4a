/**
 * Label selectors, in the string form of query parameters (`app=web,tier in (a, b),!old`) and as `LabelSelector` objects.
 * Both become a list of requirements, all of which must hold.
 */
import type { FieldError } from '../definition.ts';
import type { LabelSelector } from '../generated/types/meta-v1.ts';
import { ApiError } from '../status.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from './field-error.ts';
import { validLabelValue, validQualifiedName } from './names.ts';

export type LabelOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted; one value for Gt and Lt, none for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/** Empty: matches everything. */
export type LabelRequirements = readonly LabelRequirement[];

type Labels = Readonly<Record<string, string>> | undefined;

/** Bounds what one query can ask for. */
const maxRequirements = 1000;

export function matchesLabels(requirements: LabelRequirements, labels: Labels): boolean {
  return requirements.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      const difference = Number(value) - Number(values[0]);
      return operator === 'Gt' ? difference > 0 : difference < 0;
    }
  }
}

/**
 * A selector object. Absent selects nothing (undefined is returned), empty selects everything.
 * It must be valid (`validateLabelSelector`); an unknown operator matches nothing.
 */
export function fromLabelSelector(selector: LabelSelector | undefined | null): LabelRequirements | undefined {
  if (selector === undefined || selector === null) return undefined;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: 'In', values: [value] });
  }
  for (const expression of selector.matchExpressions ?? []) {
    if (!objectOperators.has(expression.operator)) return undefined;
    const values = [...(expression.values ?? [])].sort();
    requirements.push({ key: expression.key, operator: expression.operator as LabelOperator, values });
  }
  return requirements;
}

/** False for an absent selector. */
export function selectorMatches(selector: LabelSelector | undefined | null, labels: Labels): boolean {
  const requirements = fromLabelSelector(selector);
  return requirements !== undefined && matchesLabels(requirements, labels);
}

const objectOperators: ReadonlySet<string> = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);

export function validateLabelSelector(selector: LabelSelector | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    const keyProblem = validQualifiedName(key);
    if (keyProblem) errors.push(fieldInvalid(`${field}.matchLabels`, key, keyProblem));
    const valueProblem = validLabelValue(value);
    if (valueProblem) errors.push(fieldInvalid(`${field}.matchLabels`, value, valueProblem));
  }
  (selector?.matchExpressions ?? []).forEach((expression, index) => {
    const here = `${field}.matchExpressions[${index}]`;
    const values = expression.values ?? [];
    switch (expression.operator) {
      case 'In':
      case 'NotIn':
        if (values.length === 0) {
          errors.push(fieldRequired(`${here}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0) {
          const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
          errors.push(fieldForbidden(`${here}.values`, detail));
        }
        break;
      default:
        errors.push(fieldInvalid(`${here}.operator`, expression.operator, 'not a valid selector operator'));
    }
    const keyProblem = validQualifiedName(expression.key);
    if (keyProblem) errors.push(fieldInvalid(`${here}.key`, expression.key, keyProblem));
    values.forEach((value, valueIndex) => {
      const problem = validLabelValue(value);
      if (problem) errors.push(fieldInvalid(`${here}.values[${valueIndex}]`, value, problem));
    });
  });
  return errors;
}

/** The string form. @throws ApiError BadRequest */
export function parseLabelSelector(text: string): LabelRequirements {
  const requirements: LabelRequirement[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const match = requirementPattern.exec(rest);
    if (!match) throw unparsable(text, rest);
    requirements.push(toRequirement(text, match.groups ?? {}));
    if (requirements.length > maxRequirements) throw unparsable(text, `more than ${maxRequirements} requirements`);
    rest = rest.slice(match[0].length);
    if (rest === '') break;
    if (!rest.startsWith(',')) throw unparsable(text, rest);
    rest = rest.slice(1).trimStart();
    if (rest === '') throw unparsable(text, 'nothing follows the last comma');
  }
  return requirements;
}

const word = '[^\\s,()=!<>]+';
const requirementPattern = new RegExp(
  `^(?:!\\s*(?<absent>${word})` +
    `|(?<key>${word})\\s*(?:(?<operator>==|=|!=|>|<)\\s*(?<value>[^\\s,()=!<>]*)` +
    `|(?<=\\s)(?<set>in|notin)\\s*\\((?<values>[^()]*)\\))?)\\s*(?=,|$)`,
);

function toRequirement(text: string, groups: Record<string, string | undefined>): LabelRequirement {
  const { absent, key, operator, value, set, values } = groups;
  if (absent !== undefined) return checked(text, { key: absent, operator: 'DoesNotExist', values: [] });
  if (set !== undefined) {
    const list = values!.split(',').map((item) => item.trim());
    return checked(text, { key: key!, operator: set === 'in' ? 'In' : 'NotIn', values: list.sort() });
  }
  if (operator === undefined) return checked(text, { key: key!, operator: 'Exists', values: [] });
  const operators: Record<string, LabelOperator> = { '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' };
  return checked(text, { key: key!, operator: operators[operator]!, values: [value!] });
}

function checked(text: string, requirement: LabelRequirement): LabelRequirement {
  const keyProblem = validQualifiedName(requirement.key);
  if (keyProblem) throw unparsable(text, `key: Invalid value: ${JSON.stringify(requirement.key)}: ${keyProblem}`);
  const numeric = requirement.operator === 'Gt' || requirement.operator === 'Lt';
  requirement.values.forEach((value, index) => {
    const problem =
      numeric && !/^-?\d+$/.test(value)
        ? "for 'Gt', 'Lt' operators, the value must be an integer"
        : validLabelValue(value);
    if (problem) throw unparsable(text, `values[${index}]: Invalid value: ${JSON.stringify(value)}: ${problem}`);
  });
  return requirement;
}

function unparsable(text: string, why: string): ApiError {
  return new ApiError('BadRequest', `unable to parse requirement in label selector ${JSON.stringify(text)}: ${why}`);
}

/** The string form of requirements; reads back as the same. */
export function formatLabelSelector(requirements: LabelRequirements): string {
  return requirements
    .map(({ key, operator, values }) => {
      switch (operator) {
        case 'In':
          return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`;
        case 'NotIn':
          return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`;
        case 'Exists':
          return key;
        case 'DoesNotExist':
          return `!${key}`;
        default:
          return `${key}${operator === 'Gt' ? '>' : '<'}${values[0]}`;
      }
    })
    .join(',');
}
