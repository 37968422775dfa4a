/** Field selectors (`status.phase!=Running,spec.nodeName=a`): equality on the few fields that a kind offers. */
import type { ResourceDefinition } from '../definition.ts';
import { ApiError } from '../status.ts';
import type { KubernetesObject } from '../types.ts';

export interface FieldTerm {
  readonly field: string;
  readonly value: string;
  readonly negated: boolean;
}

/** Empty: matches everything. */
export type FieldTerms = readonly FieldTerm[];

/** Backslash escapes comma, equals sign and itself. @throws ApiError BadRequest */
export function parseFieldSelector(text: string): FieldTerms {
  if (text.trim() === '') return [];
  return splitUnescaped(text)
    .filter((part) => part !== '')
    .map((part) => parseTerm(text, part));
}

/** Refuses fields that the kind does not offer. @throws ApiError BadRequest `field label not supported: X` */
export function checkFieldSelector(terms: FieldTerms, definition: ResourceDefinition): void {
  for (const { field } of terms) {
    if (field === 'metadata.name' || (field === 'metadata.namespace' && definition.namespaced)) continue;
    if (Object.hasOwn(definition.fieldSelectors, field)) continue;
    throw new ApiError('BadRequest', `field label not supported: ${field}`);
  }
}

/** `terms` must have passed `checkFieldSelector`. */
export function matchesFields(terms: FieldTerms, definition: ResourceDefinition, object: KubernetesObject): boolean {
  return terms.every(({ field, value, negated }) => (fieldValue(definition, field, object) === value) !== negated);
}

/** The name that every match must have, when the selector says so: a list of one object needs no scan. */
export function requiredName(terms: FieldTerms): string | undefined {
  return terms.find(({ field, negated }) => field === 'metadata.name' && !negated)?.value;
}

function fieldValue(definition: ResourceDefinition, field: string, object: KubernetesObject): string {
  if (field === 'metadata.name') return object.metadata?.name ?? '';
  if (field === 'metadata.namespace') return object.metadata?.namespace ?? '';
  return definition.fieldSelectors[field]?.(object) ?? '';
}

function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function parseTerm(text: string, part: string): FieldTerm {
  for (let at = 0; at < part.length; at++) {
    if (part[at] === '\\') {
      at++;
      continue;
    }
    for (const operator of ['!=', '==', '=']) {
      if (!part.startsWith(operator, at)) continue;
      const value = unescapeValue(text, part.slice(at + operator.length));
      return { field: part.slice(0, at), value, negated: operator === '!=' };
    }
  }
  throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`);
}

function unescapeValue(text: string, value: string): string {
  let result = '';
  for (let at = 0; at < value.length; at++) {
    const character = value[at]!;
    if (character === '\\') {
      const next = value[++at];
      if (next === undefined || !'\\,='.includes(next)) {
        throw new ApiError('BadRequest', `invalid field selector ${JSON.stringify(text)}: invalid escape sequence`);
      }
      result += next;
    } else if (character === '=' || character === ',') {
      throw new ApiError(
        'BadRequest',
        `invalid field selector ${JSON.stringify(text)}: unescaped character in value: ${character}`,
      );
    } else result += character;
  }
  return result;
}
