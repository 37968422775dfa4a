/** The extension library of texts, in its second version. */
import { scan, traversal } from '../cost/costs.ts';
import { exactly, multiply, plus, type Range, stringFactor, times } from '../cost/range.ts';
import { CelEvaluationError } from '../errors.ts';
import { fn, type Library, method, sizeOr } from '../overload.ts';
import { ArrayList, codePoints, type ListValue, sizeOf } from '../values.ts';
import { formatText } from './format-text.ts';

const maxResultLength = 10_000_000;

function letters(text: string): string[] {
  return [...text];
}

function inRange(index: bigint, length: number): number {
  if (index < 0n || index > BigInt(length)) throw new CelEvaluationError(`index out of range: ${index}`);
  return Number(index);
}

function indexOf(text: string, part: string, from = 0n): bigint {
  const all = letters(text);
  if (part === '') return from;
  const start = inRange(from, all.length);
  const at = text.indexOf(part, all.slice(0, start).join('').length);
  return at < 0 ? -1n : BigInt(codePoints(text.slice(0, at)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const all = letters(text);
  if (part === '') return from ?? BigInt(all.length);
  const start = from === undefined ? undefined : inRange(from, all.length);
  const at = text.lastIndexOf(part, start === undefined ? undefined : all.slice(0, start).join('').length);
  return at < 0 ? -1n : BigInt(codePoints(text.slice(0, at)));
}

function replace(text: string, part: string, by: string, limit = -1n): string {
  let left = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit);
  const pieces = part === '' ? ['', ...letters(text)] : text.split(part);
  let result = pieces[0]!;
  for (const piece of pieces.slice(1)) result += (left-- > 0 ? by : part) + piece;
  if (part === '' && left > 0 && text !== '') result += by;
  if (part === '' && text === '') result = left > 0 ? by : '';
  if (result.length > maxResultLength) throw new CelEvaluationError('text too long');
  return result;
}

function split(text: string, separator: string, limit = -1n): ArrayList {
  if (limit === 0n) return new ArrayList([]);
  const pieces = separator === '' ? letters(text) : text.split(separator);
  if (limit < 0n || BigInt(pieces.length) <= limit) return new ArrayList(pieces);
  const count = Number(limit);
  return new ArrayList([...pieces.slice(0, count - 1), pieces.slice(count - 1).join(separator)]);
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = letters(text);
  const start = inRange(from, all.length);
  const end = to === undefined ? all.length : inRange(to, all.length);
  if (end < start) throw new CelEvaluationError(`invalid substring range. start: ${from}, end: ${to}`);
  return all.slice(start, end).join('');
}

function charAt(text: string, index: bigint): string {
  const all = letters(text);
  return all[inRange(index, all.length)] ?? '';
}

function join(list: ListValue, separator = ''): string {
  const parts: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') throw new CelEvaluationError('no such overload');
    parts.push(item);
  }
  return parts.join(separator);
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function upper(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function quote(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '\u0007': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\v': '\\v',
    '\\': '\\\\',
    '"': '\\"',
  };
  return `"${letters(text)
    .map((letter) => escapes[letter] ?? letter)
    .join('')}"`;
}

const whole = traversal(0, { keepsSize: true });

const splitCost = {
  ...traversal(0, { passes: 2 }),
  estimate: ([text, , limit]: readonly Parameters<typeof sizeOr>[0][]) => {
    const max = typeof limit?.literal === 'bigint' && limit.literal >= 0n ? Number(limit.literal) : sizeOr(text).max;
    return { cost: times(sizeOr(text), 2 * stringFactor), size: { min: 0, max } };
  },
};

const replaceCost = {
  ...traversal(0, { passes: 2 }),
  estimate: ([text, part, by]: readonly Parameters<typeof sizeOr>[0][]) => ({
    cost: times(sizeOr(text), 2 * stringFactor),
    size: replacedSize(sizeOr(text), sizeOr(part), sizeOr(by)),
  }),
};

/** As long as it can get, and as short: every occurrence replaced where that makes the text longer or shorter. */
function replacedSize(text: Range, part: Range, by: Range): Range {
  const longest =
    part.min === 0
      ? { count: text.max + 1, kept: text.max }
      : by.max <= part.min
        ? { count: 0, kept: text.max }
        : { count: Math.ceil(text.max / part.min), kept: 0 };
  const shortest =
    part.max === 0
      ? { count: text.min + 1, kept: text.min }
      : part.max <= by.min
        ? { count: 0, kept: text.min }
        : { count: Math.ceil(text.min / part.max), kept: 0 };
  const replaced = multiply({ min: shortest.count, max: longest.count }, by);
  return plus(replaced, { min: shortest.kept, max: longest.kept });
}

const joinCost = {
  estimate: ([list, separator]: readonly Parameters<typeof sizeOr>[0][]) => {
    const count = sizeOr(list);
    const items = multiply(count, list?.elementSize() ?? { min: 0, max: Number.POSITIVE_INFINITY });
    const gaps = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
    const size = separator ? plus(items, multiply(sizeOr(separator), gaps)) : items;
    return { cost: times(size, stringFactor), size };
  },
  actual: (_args: unknown, result: Parameters<typeof sizeOf>[0]) => Math.ceil(sizeOf(result) * 2 * stringFactor),
};

export const stringLibrary: Library = {
  overloads: [
    method('charAt', 'string_char_at_int', 'string, int -> string', charAt),
    method('indexOf', 'string_index_of_string', 'string, string -> int', indexOf, scan),
    method('indexOf', 'string_index_of_string_int', 'string, string, int -> int', indexOf, scan),
    method('lastIndexOf', 'string_last_index_of_string', 'string, string -> int', lastIndexOf, scan),
    method('lastIndexOf', 'string_last_index_of_string_int', 'string, string, int -> int', lastIndexOf, scan),
    method('lowerAscii', 'string_lower_ascii', 'string -> string', lower, whole),
    method('upperAscii', 'string_upper_ascii', 'string -> string', upper, whole),
    method('trim', 'string_trim', 'string -> string', (text: string) => text.trim(), whole),
    method('replace', 'string_replace_string_string', 'string, string, string -> string', replace, replaceCost),
    method(
      'replace',
      'string_replace_string_string_int',
      'string, string, string, int -> string',
      replace,
      replaceCost,
    ),
    method('split', 'string_split_string', 'string, string -> list(string)', split, splitCost),
    method('split', 'string_split_string_int', 'string, string, int -> list(string)', split, splitCost),
    method('substring', 'string_substring_int', 'string, int -> string', substring, whole),
    method('substring', 'string_substring_int_int', 'string, int, int -> string', substring, whole),
    method('join', 'list_join', 'list(string) -> string', join, joinCost),
    method('join', 'list_join_string', 'list(string), string -> string', join, joinCost),
    method('format', 'string_format', 'string, list(dyn) -> string', formatText, {
      estimate: ([text]) => ({ cost: times(sizeOr(text), stringFactor) }),
      actual: ([text]) => Math.ceil(sizeOf(text!) * stringFactor),
    }),
    fn('strings.quote', 'strings_quote', 'string -> string', quote, {
      estimate([text]) {
        const size = sizeOr(text);
        return { cost: times(size, stringFactor), size: plus(exactly(2), { min: size.min, max: size.max * 2 }) };
      },
      actual: ([text]) => Math.ceil(sizeOf(text!) * stringFactor),
    }),
  ],
};
