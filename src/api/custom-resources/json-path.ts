/**
 * The paths that definitions of custom resources use: `.spec.a`, `.spec['a.b']`, `.items[0]`, `.items[*].name`,
 * `.conditions[?(@.type=="Ready")].status`, `..name`. For scale and selectable fields only the first two forms are allowed.
 */

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'all' }
  | { readonly kind: 'descend' }
  | { readonly kind: 'filter'; readonly left: JsonPath; readonly operator: string; readonly right: unknown };

export interface JsonPath {
  readonly steps: readonly Step[];
}

export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

const maxSteps = 100;
const fieldPattern = /[^.[\]'"\s?@()=<>!]+/y;
const quoted = /\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]/y;
const bracket = /\[\s*(\*|-?\d+|-?\d*:-?\d*)\s*\]/y;
const filter = /\[\?\(\s*@([^=<>!]*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?))?\s*\)\]/y;

/** A leading dot may be missing. @throws JsonPathError */
export function parseJsonPath(text: string): JsonPath {
  const source = text.replace(/^\{(.*)\}$/s, '$1').replace(/^[$@]/, '');
  const steps: Step[] = [];
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < source.length) {
    if (steps.length >= maxSteps) throw new JsonPathError(`${text} has too many steps`);
    if (source.startsWith('..', at)) {
      steps.push({ kind: 'descend' });
      at += source[at + 2] === '[' ? 2 : 1;
      continue;
    }
    if (source[at] === '.' || steps.length === 0) {
      if (source[at] === '.') at++;
      if (at >= source.length) break;
      if (source[at] === '*') {
        at++;
        steps.push({ kind: 'all' });
        continue;
      }
      const name = take(fieldPattern);
      if (name) {
        steps.push({ kind: 'field', name: name[0].replaceAll('\\', '') });
        continue;
      }
    }
    const key = take(quoted);
    if (key) {
      steps.push({ kind: 'field', name: (key[1] ?? key[2] ?? '').replace(/\\(.)/g, '$1') });
      continue;
    }
    const position = take(bracket);
    if (position) {
      steps.push(positionStep(position[1]!));
      continue;
    }
    const condition = take(filter);
    if (!condition) throw new JsonPathError(`unrecognized character in ${JSON.stringify(text)} at ${at}`);
    const [, left = '', operator = 'exists', right = ''] = condition;
    steps.push({ kind: 'filter', left: parseJsonPath(left), operator, right: literal(right) });
  }
  return { steps };
}

function positionStep(text: string): Step {
  if (text === '*') return { kind: 'all' };
  if (!text.includes(':')) return { kind: 'index', index: Number(text) };
  const [from = '', to = ''] = text.split(':');
  return {
    kind: 'slice',
    from: from === '' ? undefined : Number(from),
    to: to === '' ? undefined : Number(to),
  };
}

function literal(text: string): unknown {
  const match = /^'(.*)'$/s.exec(text);
  if (match) return match[1];
  try {
    return JSON.parse(text || 'null');
  } catch {
    return text;
  }
}

/** Undefined for what is no path: nothing that was stored once may bring anybody down. */
export function safeJsonPath<T>(text: string, use: (path: JsonPath) => T): T | undefined {
  try {
    return use(parseJsonPath(text));
  } catch (error) {
    if (error instanceof JsonPathError) return undefined;
    throw error;
  }
}

/** Everything that the path leads to, in order. */
export function evaluateJsonPath(path: JsonPath, value: unknown): unknown[] {
  let found = [value];
  for (const step of path.steps) found = found.flatMap((one) => follow(step, one));
  return found;
}

function follow(step: Step, value: unknown): unknown[] {
  if (value === null || typeof value !== 'object') return [];
  const list = Array.isArray(value) ? value : undefined;
  switch (step.kind) {
    case 'field': {
      if (list || !Object.hasOwn(value, step.name)) return [];
      return [(value as Record<string, unknown>)[step.name]];
    }
    case 'index': {
      const item = list?.at(step.index);
      return item === undefined ? [] : [item];
    }
    case 'slice':
      return list?.slice(step.from, step.to) ?? [];
    case 'all':
      return list ?? Object.values(value);
    case 'descend':
      return descendants(value);
    case 'filter':
      return (list ?? []).filter((item) => holds(step, item));
  }
}

function descendants(value: unknown): unknown[] {
  if (value === null || typeof value !== 'object') return [];
  const inner = Array.isArray(value) ? value : Object.values(value);
  return [value, ...inner.flatMap(descendants)];
}

function holds(step: Extract<Step, { kind: 'filter' }>, item: unknown): boolean {
  const [left] = evaluateJsonPath(step.left, item);
  if (step.operator === 'exists') return left !== undefined;
  if (left === undefined) return false;
  const right = step.right as number | string;
  const value = left as number | string;
  switch (step.operator) {
    case '==':
      return value === right;
    case '!=':
      return value !== right;
    case '<':
      return value < right;
    case '<=':
      return value <= right;
    case '>':
      return value > right;
    default:
      return value >= right;
  }
}

/** Names of a path of fields alone; undefined for any other. */
export function fieldsOf(path: JsonPath): string[] | undefined {
  const names = path.steps.map((step) => (step.kind === 'field' ? step.name : undefined));
  return names.every((name) => name !== undefined) ? (names as string[]) : undefined;
}
