/** Does an applied configuration fit the schema? Here an unknown field or an item that is there twice is an error: nobody could own it. */
import { type FieldType, fieldTypeOf, type ListType, type MapType, typeOfValue } from './field-type.ts';
import { formatElement, itemElement } from './path-element.ts';
import { isMap } from './values.ts';

/** More is not told. */
const maxErrors = 100;

/** What is wrong, each with its path in front; empty when nothing is. */
export function validateApplied(type: FieldType, value: unknown): string[] {
  const errors: string[] = [];
  visit(type, value, '', errors);
  return errors;
}

function visit(type: FieldType, value: unknown, path: string, errors: string[]): void {
  if (value === null || value === undefined || errors.length >= maxErrors) return;
  const actual = typeOfValue(type, value);
  const fail = (message: string): void => {
    errors.push(path === '' ? message : `${path}: ${message}`);
  };
  switch (actual.kind) {
    case 'scalar': {
      const problem = scalarProblem(actual.scalar, value);
      if (problem) fail(problem);
      break;
    }
    case 'map':
      if (isMap(value)) visitMap(actual, value, path, errors);
      else fail(`expected map, got ${shown(value)}`);
      break;
    case 'list':
      if (Array.isArray(value)) visitList(actual, value, path, errors);
      else fail(`expected list, got ${shown(value)}`);
  }
}

function visitMap(type: MapType, value: Readonly<Record<string, unknown>>, path: string, errors: string[]): void {
  for (const key of Object.keys(value)) {
    const inner = fieldTypeOf(type, key);
    if (inner) visit(inner, value[key], `${path}.${key}`, errors);
    else errors.push(`${path}.${key}: field not declared in schema`);
  }
}

function visitList(type: ListType, value: readonly unknown[], path: string, errors: string[]): void {
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    let step = `[${index}]`;
    if (type.mode !== 'atomic') {
      const element = itemElement(type, item);
      if (element === undefined) {
        errors.push(`${path}: element ${index}: ${elementProblem(type, item)}`);
        return;
      }
      step = formatElement(element);
      if (seen.has(element)) errors.push(`${path}: duplicate entries for key ${step}`);
      seen.add(element);
    }
    visit(type.element, item, `${path}${step}`, errors);
  }
}

function elementProblem(type: ListType, item: unknown): string {
  if (type.mode === 'map') {
    if (item === null) return 'associative list with keys may not have a null element';
    if (!isMap(item)) return 'associative list with keys may not have non-map elements';
    const keys = type.keys.map(({ name }) => JSON.stringify(name)).join(' ');
    return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
  }
  if (item === null) return "associative list without keys has an element that's an explicit null";
  if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
  return "associative list without keys has an element that's a map type";
}

function scalarProblem(scalar: 'string' | 'numeric' | 'boolean' | 'untyped', value: unknown): string | undefined {
  switch (scalar) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goTypeOf(value)}`;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got ${shown(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${shown(value)}`;
    case 'untyped':
      return typeof value === 'object' ? `expected any scalar, got ${shown(value)}` : undefined;
  }
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** How much of a wrong value is told. */
const maxShownLength = 200;

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, maxShownLength);
}
