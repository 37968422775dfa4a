/** Source to syntax tree. Precedence as in CEL's definition; macros are expanded on the way (`macros.ts`). */
import type { Entry, Expression, FieldEntry } from './ast.ts';
import { CelCompileError, type CelIssue } from './errors.ts';
import { expandMacro, MacroError } from './macros.ts';
import { type Token, tokenize } from './tokens.ts';

export const maxExpressionLength = 100_000;
const maxDepth = 250;

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const binary: readonly (readonly string[])[] = [
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const primaryStart =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** @throws CelCompileError */
export function parse(source: string): Expression {
  if (source.length > maxExpressionLength) {
    const message = `expression code point size exceeds limit: size: ${source.length}, limit ${maxExpressionLength}`;
    throw new CelCompileError('', [{ offset: 0, message }]);
  }
  const issues: CelIssue[] = [];
  const tokens = tokenize(source, issues);
  if (issues.length > 0) throw new CelCompileError(source, issues);
  const parser = new Parser(tokens);
  try {
    return parser.parse();
  } catch (error) {
    if (error instanceof SyntaxFault)
      throw new CelCompileError(source, [{ offset: error.offset, message: error.message }]);
    throw error;
  }
}

class SyntaxFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #id = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Expression {
    const expression = this.#expression();
    const token = this.#peek();
    if (token.kind !== 'end') this.#unexpected(token, '<EOF>');
    return expression;
  }

  #expression(): Expression {
    const { offset } = this.#peek();
    if (++this.#depth > maxDepth) {
      throw new SyntaxFault(offset, `expression recursion limit exceeded: ${maxDepth}`);
    }
    const condition = this.#or();
    const question = this.#peek();
    let expression = condition;
    if (this.#accept('?')) {
      const yes = this.#or();
      this.#expect(':');
      const no = this.#expression();
      expression = this.#call(question.offset, '_?_:_', [condition, yes, no]);
    }
    this.#depth--;
    return expression;
  }

  #or(): Expression {
    return this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#binary(0)));
  }

  /** Long chains become a balanced tree, so that nothing recurses deeply over them. */
  #logical(sign: string, name: string, operand: () => Expression): Expression {
    const terms = [operand()];
    const offsets: number[] = [];
    for (let token = this.#peek(); this.#accept(sign); token = this.#peek()) {
      offsets.push(token.offset);
      terms.push(operand());
    }
    const balance = (from: number, to: number): Expression => {
      if (from === to) return terms[from]!;
      const middle = Math.floor((from + to + 1) / 2);
      const left = balance(from, middle - 1);
      return this.#call(offsets[middle - 1]!, name, [left, balance(middle, to)]);
    };
    return balance(0, terms.length - 1);
  }

  #binary(level: number): Expression {
    const signs = binary[level];
    if (!signs) return this.#unary();
    let left = this.#binary(level + 1);
    for (let length = 0; ; length++) {
      const token = this.#peek();
      if (token.kind !== 'operator' || !signs.includes(token.text)) return left;
      if (length > maxDepth) throw new SyntaxFault(token.offset, `expression recursion limit exceeded: ${maxDepth}`);
      this.#at++;
      const right = this.#binary(level + 1);
      left = this.#call(token.offset, token.text === 'in' ? '@in' : `_${token.text}_`, [left, right]);
    }
  }

  #unary(): Expression {
    const token = this.#peek();
    if (token.text === '-' && this.#tokens[this.#at + 1]?.kind === 'literal') {
      const { value } = this.#tokens[this.#at + 1]!;
      if (typeof value === 'bigint' || typeof value === 'number') {
        this.#at += 2;
        return this.#member(this.#literal(token.offset, -value));
      }
    }
    for (const [sign, name] of [
      ['!', '!_'],
      ['-', '-_'],
    ] as const) {
      if (token.kind !== 'operator' || token.text !== sign) continue;
      let count = 0;
      while (this.#accept(sign)) count++;
      const operand = this.#unary();
      return count % 2 === 0 ? operand : this.#call(token.offset, name, [operand]);
    }
    return this.#member(this.#primary());
  }

  #member(start: Expression): Expression {
    let operand = start;
    for (let length = 0; ; length++) {
      const token = this.#peek();
      if (length > maxDepth) throw new SyntaxFault(token.offset, `expression recursion limit exceeded: ${maxDepth}`);
      if (this.#accept('.')) operand = this.#afterDot(operand, token);
      else if (this.#accept('[')) operand = this.#afterBracket(operand, token);
      else return operand;
    }
  }

  #afterDot(operand: Expression, dot: Token): Expression {
    const optional = this.#accept('?');
    const name = this.#identifier();
    if (optional) {
      const field = this.#literal(name.offset, name.text);
      return this.#call(dot.offset, '_?._', [operand, field]);
    }
    const open = this.#peek();
    if (this.#accept('(')) {
      const args = this.#expressions(')');
      return this.#macroOr(open.offset, name.text, operand, args);
    }
    return { kind: 'select', id: this.#id++, offset: dot.offset, operand, field: name.text, testOnly: false };
  }

  #afterBracket(operand: Expression, bracket: Token): Expression {
    const optional = this.#accept('?');
    const index = this.#expression();
    this.#expect(']');
    return this.#call(bracket.offset, optional ? '_[?_]' : '_[_]', [operand, index]);
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token.kind === 'literal') {
      this.#at++;
      if (token.value === 2n ** 63n) throw new SyntaxFault(token.offset, 'invalid int literal');
      return this.#literal(token.offset, token.value!);
    }
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (this.#accept('[')) return this.#list(token);
    if (this.#accept('{')) return this.#map(token);
    if (this.#accept('.')) return this.#named(this.#identifier());
    if (token.kind === 'identifier') return this.#named(this.#identifier());
    return this.#unexpected(token, primaryStart);
  }

  /** A name: a variable, a call, or the type of an object that is built. */
  #named(name: Token): Expression {
    if (reserved.has(name.text)) throw new SyntaxFault(name.offset, `reserved identifier: ${name.text}`);
    const open = this.#peek();
    if (this.#accept('(')) return this.#macroOr(open.offset, name.text, undefined, this.#expressions(')'));
    const qualified = this.#structName(name.text);
    if (qualified !== undefined) return this.#struct(qualified);
    return { kind: 'identifier', id: this.#id++, offset: name.offset, name: name.text };
  }

  /** `a.b` of `a.b{`, and steps past it; undefined, and no step, where no brace follows. */
  #structName(first: string): string | undefined {
    let at = this.#at;
    let name = first;
    while (this.#tokens[at]?.text === '.' && this.#tokens[at + 1]?.kind === 'identifier') {
      name += `.${this.#tokens[at + 1]!.text}`;
      at += 2;
    }
    const brace = this.#tokens[at];
    if (brace?.kind !== 'operator' || brace.text !== '{') return undefined;
    this.#at = at;
    return name;
  }

  #struct(name: string): Expression {
    const brace = this.#peek();
    this.#expect('{');
    const entries: FieldEntry[] = [];
    while (this.#peek().text !== '}') {
      const optional = this.#accept('?');
      const field = this.#identifier();
      const colon = this.#peek();
      this.#expect(':');
      entries.push({ offset: colon.offset, name: field.text, value: this.#expression(), optional });
      if (!this.#accept(',')) break;
    }
    this.#expect('}');
    return { kind: 'struct', id: this.#id++, offset: brace.offset, name, entries };
  }

  #list(bracket: Token): Expression {
    const elements: Expression[] = [];
    const optional = new Set<number>();
    while (this.#peek().text !== ']') {
      if (this.#accept('?')) optional.add(elements.length);
      elements.push(this.#expression());
      if (!this.#accept(',')) break;
    }
    this.#expect(']');
    return { kind: 'list', id: this.#id++, offset: bracket.offset, elements, optional };
  }

  #map(brace: Token): Expression {
    const entries: Entry[] = [];
    while (this.#peek().text !== '}') {
      const optional = this.#accept('?');
      const key = this.#expression();
      const colon = this.#peek();
      this.#expect(':');
      entries.push({ offset: colon.offset, key, value: this.#expression(), optional });
      if (!this.#accept(',')) break;
    }
    this.#expect('}');
    return { kind: 'map', id: this.#id++, offset: brace.offset, entries };
  }

  #expressions(end: string): Expression[] {
    const list: Expression[] = [];
    if (this.#accept(end)) return list;
    do list.push(this.#expression());
    while (this.#accept(','));
    this.#expect(end);
    return list;
  }

  #macroOr(offset: number, name: string, target: Expression | undefined, args: readonly Expression[]): Expression {
    try {
      const expanded = expandMacro(() => this.#id++, offset, name, target, args);
      if (expanded) return expanded;
    } catch (error) {
      if (error instanceof MacroError) throw new SyntaxFault(error.offset, error.message);
      throw error;
    }
    return { kind: 'call', id: this.#id++, offset, name, target, args };
  }

  #call(offset: number, name: string, args: readonly Expression[]): Expression {
    return { kind: 'call', id: this.#id++, offset, name, args };
  }

  #literal(offset: number, value: NonNullable<Token['value']> | null): Expression {
    return { kind: 'literal', id: this.#id++, offset, value };
  }

  #identifier(): Token {
    const token = this.#peek();
    if (token.kind !== 'identifier') this.#unexpected(token, 'IDENTIFIER');
    this.#at++;
    return token;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #accept(text: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'operator' || token.text !== text) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    const token = this.#peek();
    if (!this.#accept(text)) this.#unexpected(token, `'${text}'`);
  }

  #unexpected(token: Token, wanted: string): never {
    throw new SyntaxFault(token.offset, `Syntax error: mismatched input '${token.text}' expecting ${wanted}`);
  }
}
