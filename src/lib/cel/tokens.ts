/** Words of an expression. */
import type { CelIssue } from './errors.ts';
import { Uint, type Value } from './values.ts';

export interface Token {
  readonly kind: 'identifier' | 'literal' | 'operator' | 'end';
  /** As written; of the end: `<EOF>`. */
  readonly text: string;
  readonly offset: number;
  /** Of literals. */
  readonly value?: Value | undefined;
}

const space = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const number = /0x[0-9a-fA-F]+u?|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+[uU]?/y;
const identifier = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const stringStart = /([bB][rR]?|[rR][bB]?)?("""|'''|"|')/y;
const operator = /==|!=|<=|>=|&&|\|\||[()[\]{}.,:?!<>+\-*/%]/y;
const maxInt = 2n ** 63n;
const maxUint = 2n ** 64n;

/** Splits all of `source`; what cannot be read is an issue, and left out. */
export function tokenize(source: string, issues: CelIssue[]): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = offset;
    const match = pattern.exec(source);
    if (match) offset = pattern.lastIndex;
    return match;
  };
  while (offset < source.length) {
    if (take(space)) continue;
    const start = offset;
    const opened = take(stringStart);
    if (opened) {
      const text = readText(source, start, offset, opened, issues);
      offset = text.end;
      tokens.push({ kind: 'literal', text: source.slice(start, offset), offset: start, value: text.value });
      continue;
    }
    const digits = take(number);
    if (digits) {
      tokens.push({ kind: 'literal', text: digits[0], offset: start, value: readNumber(digits[0], start, issues) });
      continue;
    }
    const word = take(identifier);
    if (word) {
      tokens.push(wordToken(word[0], start));
      continue;
    }
    const sign = take(operator);
    if (sign) {
      tokens.push({ kind: 'operator', text: sign[0], offset: start });
      continue;
    }
    const letter = String.fromCodePoint(source.codePointAt(offset)!);
    issues.push({ offset, message: `Syntax error: token recognition error at: '${letter}'` });
    offset += letter.length;
  }
  tokens.push({ kind: 'end', text: '<EOF>', offset: source.length });
  return tokens;
}

function wordToken(text: string, offset: number): Token {
  if (text === 'true' || text === 'false') return { kind: 'literal', text, offset, value: text === 'true' };
  if (text === 'null') return { kind: 'literal', text, offset, value: null };
  return { kind: text === 'in' ? 'operator' : 'identifier', text, offset };
}

function readNumber(text: string, offset: number, issues: CelIssue[]): Value {
  if (/^0x/.test(text) || /^\d+[uU]?$/.test(text)) {
    const unsigned = /[uU]$/.test(text);
    const value = BigInt(unsigned ? text.slice(0, -1) : text);
    if (unsigned) {
      if (value >= maxUint) issues.push({ offset, message: 'invalid uint literal' });
      return new Uint(value);
    }
    // The largest magnitude is for a negative number only; the parser sees to it.
    if (value > maxInt) issues.push({ offset, message: 'invalid int literal' });
    return value;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) issues.push({ offset, message: 'invalid double literal' });
  return value;
}

function readText(
  source: string,
  start: number,
  from: number,
  opened: RegExpExecArray,
  issues: CelIssue[],
): { value: Value; end: number } {
  const prefix = (opened[1] ?? '').toLowerCase();
  const quote = opened[2]!;
  const raw = prefix.includes('r');
  const bytes = prefix.includes('b');
  const parts: number[] = [];
  const append = (text: string) => {
    for (const letter of text) {
      if (bytes) parts.push(...Buffer.from(letter, 'utf8'));
      else parts.push(letter.codePointAt(0)!);
    }
  };
  let index = from;
  while (!source.startsWith(quote, index)) {
    if (index >= source.length || (quote.length === 1 && source[index] === '\n')) {
      issues.push({
        offset: start,
        message: `Syntax error: token recognition error at: '${source.slice(start, index)}'`,
      });
      break;
    }
    if (source[index] !== '\\' || raw) {
      const letter = String.fromCodePoint(source.codePointAt(index)!);
      append(letter);
      index += letter.length;
      continue;
    }
    const found = readEscape(source, index + 1);
    if (!found || (bytes && found.unicode)) {
      issues.push({ offset: start, message: 'Syntax error: token recognition error at: invalid escape sequence' });
      index += 2;
      continue;
    }
    if (bytes || found.code < 0x80) parts.push(found.code);
    else append(String.fromCodePoint(found.code));
    index += 1 + found.length;
  }
  const end = Math.min(index + quote.length, source.length);
  const value = bytes ? new Uint8Array(parts) : parts.map((code) => String.fromCodePoint(code)).join('');
  return { value, end };
}

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '?': 63,
  '"': 34,
  "'": 39,
  '`': 96,
};
const numericEscape = /[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})/y;

function readEscape(source: string, at: number): { code: number; length: number; unicode: boolean } | undefined {
  const simple = simpleEscapes[source[at] ?? ''];
  if (simple !== undefined) return { code: simple, length: 1, unicode: false };
  numericEscape.lastIndex = at;
  const match = numericEscape.exec(source);
  if (!match) return undefined;
  const hex = match[1] ?? match[2] ?? match[3];
  const code = hex === undefined ? Number.parseInt(match[4]!, 8) : Number.parseInt(hex, 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  return { code, length: match[0].length, unicode: match[2] !== undefined || match[3] !== undefined };
}
