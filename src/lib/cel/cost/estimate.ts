/**
 * What an expression can cost at the least and at the most, from its text and what is known of sizes: rules of Kubernetes'
 * limits, which decide whether a rule may be written into a CustomResourceDefinition at all.
 */
import type { Call, Comprehension, Expression, ListLiteral, MapLiteral } from '../ast.ts';
import type { Checked } from '../checker.ts';
import { isBinding } from '../evaluator.ts';
import { accumulatorName } from '../macros.ts';
import type { Overload, SizedArgument } from '../overload.ts';
import { type CelType, dynType } from '../types.ts';
import { codePoints, type Value } from '../values.ts';
import { exactly, multiply, nothing, plus, type Range, union, unknownRange } from './range.ts';

/**
 * Sizes of what a path leads to: elements of a list or map, letters of a text. Paths start with a variable; `@items`,
 * `@keys` and `@values` lead into lists and maps. Undefined: unknown.
 */
export type SizeOf = (path: readonly string[]) => Range | undefined;

interface EntrySize {
  readonly kind: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[];
  readonly size?: Range | undefined;
  readonly entry?: EntrySize | undefined;
}

const one = exactly(1);
const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

export function estimateCost(checked: Checked, sizeOf: SizeOf): Range {
  return new Estimator(checked, sizeOf).cost(checked.expression);
}

class Estimator {
  readonly #checked: Checked;
  readonly #sizeOf: SizeOf;
  readonly #paths = new Map<number, readonly string[]>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySize>();
  readonly #locals = new Map<string, Local[]>();

  constructor(checked: Checked, sizeOf: SizeOf) {
    this.#checked = checked;
    this.#sizeOf = sizeOf;
  }

  cost(expression: Expression): Range {
    switch (expression.kind) {
      case 'literal':
        return nothing;
      case 'identifier':
        this.#paths.set(expression.id, this.#local(expression.name)?.path ?? [expression.name]);
        return one;
      case 'select': {
        const operand = this.cost(expression.operand);
        if (expression.testOnly) return operand;
        this.#paths.set(expression.id, [...this.#path(expression.operand), expression.field]);
        const { kind } = this.#type(expression.operand);
        return kind === 'map' || kind === 'struct' || kind === 'parameter' ? plus(operand, one) : operand;
      }
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return expression.entries.reduce((sum, { value }) => plus(sum, this.cost(value)), exactly(40));
      case 'comprehension':
        return isBinding(expression) ? this.#binding(expression) : this.#comprehension(expression);
    }
  }

  #call(call: Call): Range {
    if (call.name === 'dyn' && call.args.length === 1) {
      const [argument] = call.args;
      const cost = this.cost(argument!);
      this.#copySizes(call, argument!);
      return plus(cost, one);
    }
    const checked = this.#checked.calls.get(call.id);
    const operands = [...(call.target && !checked?.namespaced ? [call.target] : []), ...call.args];
    const costs = operands.map((operand) => this.cost(operand));
    const sum = costs.reduce(plus, nothing);
    if (call.name === '_&&_' || call.name === '_||_') return { min: costs[0]!.min, max: sum.max };
    if (call.name === '_?_:_') {
      const [, yes, no] = operands as [Expression, Expression, Expression];
      this.#sizes.set(call.id, union(this.#size(yes) ?? unknownRange, this.#size(no) ?? unknownRange));
      this.#setEntry(call, joinEntries(this.#entry(yes), this.#entry(no)));
      return plus(costs[0]!, union(costs[1]!, costs[2]!));
    }
    const args = operands.map((operand) => this.#argument(operand));
    let best: Range | undefined;
    let size: Range | undefined;
    for (const overload of checked?.overloads ?? []) {
      const estimate = overload.cost?.estimate(args) ?? { cost: one };
      best = best ? union(best, estimate.cost) : estimate.cost;
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size;
      size = this.#indexed(call, overload, operands) ?? size;
    }
    if (call.name === '_+_') this.#setEntry(call, joinEntries(this.#entry(operands[0]!), this.#entry(operands[1]!)));
    const known = size ?? this.#size(call);
    if (known) this.#sizes.set(call.id, known);
    return plus(sum, best ?? nothing);
  }

  /** `a[0]` leads to an item of `a`. */
  #indexed(call: Call, overload: Overload, [container]: readonly Expression[]): Range | undefined {
    if (overload.id !== 'index_list' && overload.id !== 'index_map') return undefined;
    const step = overload.id === 'index_list' ? '@items' : '@values';
    this.#paths.set(call.id, [...this.#path(container!), step]);
    return this.#entry(container!)?.value;
  }

  #list(list: ListLiteral): Range {
    let cost = exactly(10);
    let item: Range = { min: list.elements.length === 0 ? 0 : Number.POSITIVE_INFINITY, max: 0 };
    for (const element of list.elements) {
      cost = plus(cost, this.cost(element));
      item = union(item, this.#size(element) ?? unknownRange);
    }
    this.#entries.set(list.id, { kind: 'list', key: one, value: item });
    return cost;
  }

  #map(map: MapLiteral): Range {
    let cost = exactly(30);
    const start = map.entries.length === 0 ? 0 : Number.POSITIVE_INFINITY;
    let key: Range = { min: start, max: 0 };
    let value: Range = { min: start, max: 0 };
    for (const entry of map.entries) {
      cost = plus(cost, plus(this.cost(entry.key), this.cost(entry.value)));
      key = union(key, this.#size(entry.key) ?? unknownRange);
      value = union(value, this.#size(entry.value) ?? unknownRange);
    }
    this.#entries.set(map.id, { kind: 'map', key, value });
    return cost;
  }

  #comprehension(fold: Comprehension): Range {
    let cost = plus(this.cost(fold.range), this.cost(fold.init));
    this.#bind(fold.accumulator, fold.init);
    const names = this.#bindElements(fold);
    const turn = plus(this.cost(fold.condition), this.cost(fold.step));
    for (const name of names) this.#locals.get(name)!.pop();
    cost = plus(cost, this.cost(fold.result));
    this.#locals.get(fold.accumulator)!.pop();
    const turns = this.#size(fold.range) ?? unknownRange;
    if (fold.init.kind === 'literal') {
      const size = this.#size(fold.init);
      if (size) this.#sizes.set(fold.id, size);
    } else if (fold.init.kind === 'list' || fold.init.kind === 'map') {
      this.#sizes.set(fold.id, turns);
      this.#setEntry(fold, this.#entry(fold.step));
    }
    return plus(cost, multiply(turns, turn));
  }

  #bindElements(fold: Comprehension): string[] {
    const entry = this.#entry(fold.range);
    const path = this.#path(fold.range);
    const isList = (entry?.kind ?? this.#type(fold.range).kind) === 'list';
    const push = (name: string, step: string, size: Range | undefined) => {
      this.#push(name, { path: [...path, step], size });
      return name;
    };
    if (fold.second === undefined) {
      return [isList ? push(fold.variable, '@items', entry?.value) : push(fold.variable, '@keys', entry?.key)];
    }
    return [
      push(fold.variable, isList ? '@indices' : '@keys', entry?.key),
      push(fold.second, isList ? '@items' : '@values', entry?.value),
    ];
  }

  #binding(fold: Comprehension): Range {
    const cost = plus(this.cost(fold.range), this.cost(fold.init));
    this.#bind(fold.accumulator, fold.init);
    const result = this.cost(fold.result);
    this.#locals.get(fold.accumulator)!.pop();
    this.#copySizes(fold, fold.result);
    return plus(cost, result);
  }

  #bind(name: string, to: Expression): void {
    this.#push(name, { path: this.#path(to), size: this.#size(to), entry: this.#entry(to) });
  }

  #push(name: string, local: Local): void {
    const stack = this.#locals.get(name);
    if (stack) stack.push(local);
    else this.#locals.set(name, [local]);
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #argument(expression: Expression): SizedArgument {
    const type = this.#type(expression);
    const path = this.#path(expression);
    return {
      type,
      size: this.#size(expression),
      literal: expression.kind === 'literal' ? (expression.value as Value) : undefined,
      elementSize: () =>
        path.length === 0 || path[0] === accumulatorName ? undefined : this.#sizeOf([...path, '@items']),
    };
  }

  #type(expression: Expression): CelType {
    return this.#checked.types.get(expression.id) ?? dynType;
  }

  #path(expression: Expression): readonly string[] {
    if (expression.kind === 'identifier') {
      const local = this.#local(expression.name);
      if (local) return local.path;
    }
    return this.#paths.get(expression.id) ?? [];
  }

  #size(expression: Expression): Range | undefined {
    const known = this.#sizes.get(expression.id) ?? literalSize(expression);
    if (known) return known;
    const path = this.#path(expression);
    const looked = path.length === 0 ? undefined : this.#sizeOf(path);
    if (looked) {
      this.#sizes.set(expression.id, looked);
      return looked;
    }
    if (isScalar(this.#type(expression))) return one;
    return expression.kind === 'identifier' ? this.#local(expression.name)?.size : undefined;
  }

  #entry(expression: Expression): EntrySize | undefined {
    const known = this.#entries.get(expression.id);
    if (known) return known;
    return expression.kind === 'identifier' ? this.#local(expression.name)?.entry : undefined;
  }

  #setEntry(expression: Expression, entry: EntrySize | undefined): void {
    if (entry) this.#entries.set(expression.id, entry);
  }

  #copySizes(to: Expression, from: Expression): void {
    const size = this.#size(from);
    if (size) this.#sizes.set(to.id, size);
    this.#setEntry(to, this.#entry(from));
  }
}

function joinEntries(a: EntrySize | undefined, b: EntrySize | undefined): EntrySize | undefined {
  return a && b && { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) };
}

function isScalar(type: CelType): boolean {
  if (type.kind === 'opaque' && type.name === 'optional_type') return isScalar(type.parameters[0]!);
  return scalars.has(type.kind);
}

function literalSize(expression: Expression): Range | undefined {
  switch (expression.kind) {
    case 'literal':
      if (typeof expression.value === 'string') return exactly(codePoints(expression.value));
      return expression.value instanceof Uint8Array ? exactly(expression.value.length) : one;
    case 'list':
      return exactly(expression.elements.length);
    case 'map':
      return exactly(expression.entries.length);
    default:
      return undefined;
  }
}
