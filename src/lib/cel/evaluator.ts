/**
 * An expression as closures. Each step that costs counts against the budget, as Kubernetes counts; without a budget the limit
 * for one expression holds, so nothing runs without an end.
 */
import type { Call, Comprehension, Expression, ListLiteral, MapLiteral, Select, StructLiteral } from './ast.ts';
import type { Checked, CheckedCall } from './checker.ts';
import { CelBudgetError, CelEvaluationError } from './errors.ts';
import { lookUp } from './functions/optional.ts';
import { valueAt } from './functions/standard.ts';
import { accepts, type Overload } from './overload.ts';
import { dynType, type StructType } from './types.ts';
import {
  ArrayList,
  EntryMap,
  fromJson,
  ListValue,
  MapValue,
  nameOfType,
  none,
  Optional,
  StructValue,
  TypeValue,
  unwrap,
  type Value,
} from './values.ts';

/** One evaluation under way. */
export interface Run {
  readonly variables: (name: string) => Value;
  /** Variables of comprehensions; an error is what a step of `all` or `exists` ended in so far. */
  readonly slots: (Value | CelEvaluationError)[];
  cost: number;
  readonly limit: number;
}

export type Evaluate = (run: Run) => Value;

const identifierCost = 1;
const listCost = 10;
const mapCost = 30;
const structCost = 40;

export function spend(run: Run, cost: number): void {
  run.cost += cost;
  if (run.cost > run.limit) throw new CelBudgetError();
}

/** Whether an error can be made good by the other operand. */
function isOrdinary(error: unknown): error is CelEvaluationError {
  return error instanceof CelEvaluationError && !(error instanceof CelBudgetError);
}

export function compileEvaluator(
  checked: Checked,
  structs: ((name: string) => StructType | undefined) | undefined,
): Evaluate {
  return new EvaluatorCompiler(checked, structs).compile(checked.expression);
}

class EvaluatorCompiler {
  readonly #checked: Checked;
  readonly #structs: ((name: string) => StructType | undefined) | undefined;
  readonly #scopes: string[] = [];

  constructor(checked: Checked, structs: ((name: string) => StructType | undefined) | undefined) {
    this.#checked = checked;
    this.#structs = structs;
  }

  compile(expression: Expression): Evaluate {
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression;
        return () => value;
      }
      case 'identifier':
        return this.#identifier(expression.id, expression.name);
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
        return isBinding(expression) ? this.#binding(expression) : this.#comprehension(expression);
    }
  }

  #identifier(id: number, name: string): Evaluate {
    const typeName = this.#checked.typeNames.get(id);
    if (typeName !== undefined) {
      const value = new TypeValue(typeName);
      return () => value;
    }
    const slot = this.#scopes.lastIndexOf(name);
    if (slot >= 0) {
      return (run) => {
        spend(run, identifierCost);
        const value = run.slots[slot]!;
        if (value instanceof CelEvaluationError) throw value;
        return value;
      };
    }
    return (run) => {
      spend(run, identifierCost);
      return run.variables(name);
    };
  }

  #select(select: Select): Evaluate {
    const typeName = this.#checked.typeNames.get(select.id);
    if (typeName !== undefined) {
      const value = new TypeValue(typeName);
      return () => value;
    }
    const variable = this.#checked.variableNames.get(select.id);
    if (variable !== undefined) {
      return (run) => {
        spend(run, identifierCost);
        return run.variables(variable);
      };
    }
    const operand = this.compile(select.operand);
    const { field } = select;
    if (select.testOnly) {
      return (run) => {
        const found = lookUpField(operand(run), field);
        return found.value !== undefined;
      };
    }
    return (run) => {
      const value = operand(run);
      spend(run, identifierCost);
      if (value instanceof MapValue) return valueAt(value, field);
      if (value instanceof Optional) return lookUp(value, field);
      throw new CelEvaluationError(value === null ? `no such key: ${field}` : 'no such overload');
    };
  }

  #call(call: Call): Evaluate {
    const checked = this.#checked.calls.get(call.id);
    const operands = [...(call.target && !checked?.namespaced ? [call.target] : []), ...call.args];
    const args = operands.map((arg) => this.compile(arg));
    switch (call.name) {
      case '_&&_':
        return shortCircuit(args[0]!, args[1]!, false);
      case '_||_':
        return shortCircuit(args[0]!, args[1]!, true);
      case '_?_:_':
        return conditional(args[0]!, args[1]!, args[2]!);
      case '@not_strictly_false':
        return notStrictlyFalse(args[0]!);
      default:
        return dispatch(checked!, args);
    }
  }

  #list({ elements, optional }: ListLiteral): Evaluate {
    const items = elements.map((item) => this.compile(item));
    return (run) => {
      const values: Value[] = [];
      for (const [index, item] of items.entries()) {
        const value = item(run);
        if (!optional.has(index)) values.push(value);
        else if (!(value instanceof Optional)) throw new CelEvaluationError('no such overload');
        else if (value.value !== undefined) values.push(value.value);
      }
      spend(run, listCost);
      return new ArrayList(values);
    };
  }

  #map({ entries }: MapLiteral): Evaluate {
    const pairs = entries.map(({ key, value, optional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      optional,
    }));
    return (run) => {
      const map = new EntryMap();
      for (const { key, value, optional } of pairs) {
        const at = key(run);
        const item = present(value(run), optional);
        if (item !== undefined) map.insert(at, item);
      }
      spend(run, mapCost);
      return map;
    };
  }

  #struct({ name, entries }: StructLiteral): Evaluate {
    const type = this.#structs?.(name);
    const fields = entries.map((entry) => ({ ...entry, evaluate: this.compile(entry.value) }));
    return (run) => {
      const object: Record<string, unknown> = {};
      for (const { name: field, evaluate, optional } of fields) {
        const value = present(evaluate(run), optional);
        if (value !== undefined) object[type?.fields.get(field)?.jsonName ?? field] = unwrap(value);
      }
      spend(run, structCost);
      return type ? new StructValue(object, type) : fromJson(object);
    };
  }

  /** `optMap`: one variable, no loop. */
  #binding(fold: Comprehension): Evaluate {
    const init = this.compile(fold.init);
    const slot = this.#scopes.length;
    this.#scopes.push(fold.accumulator);
    const result = this.compile(fold.result);
    this.#scopes.length = slot;
    return (run) => {
      run.slots[slot] = init(run);
      return result(run);
    };
  }

  #comprehension(fold: Comprehension): Evaluate {
    const range = this.compile(fold.range);
    const init = this.compile(fold.init);
    const slot = this.#scopes.length;
    this.#scopes.push(fold.accumulator, fold.variable, fold.second ?? '');
    const condition = this.compile(fold.condition);
    const step = this.compile(fold.step);
    this.#scopes.length = slot + 1;
    const result = this.compile(fold.result);
    this.#scopes.length = slot;
    const always = fold.condition.kind === 'literal' && fold.condition.value === true;
    const two = fold.second !== undefined;
    return (run) => {
      const container = range(run);
      const accumulated = init(run);
      if (accumulated instanceof ArrayList || accumulated instanceof EntryMap) accumulated.growing = true;
      run.slots[slot] = accumulated;
      for (const [first, second] of elements(container, two)) {
        run.slots[slot + 1] = first;
        run.slots[slot + 2] = second;
        if (always ? run.slots[slot] instanceof CelEvaluationError : condition(run) !== true) break;
        run.slots[slot] = attempt(step, run);
      }
      const last = run.slots[slot];
      if (last instanceof ArrayList || last instanceof EntryMap) last.growing = false;
      return result(run);
    };
  }
}

function attempt(step: Evaluate, run: Run): Value | CelEvaluationError {
  try {
    return step(run);
  } catch (error) {
    if (isOrdinary(error)) return error;
    throw error;
  }
}

function* elements(container: Value, two: boolean): Iterable<[Value, Value]> {
  if (container instanceof ListValue) {
    for (let index = 0; index < container.length; index++) {
      yield two ? [BigInt(index), container.at(index)] : [container.at(index), null];
    }
    return;
  }
  if (!(container instanceof MapValue)) {
    throw new CelEvaluationError(`got '${nameOfType(container)}', expected iterable type`);
  }
  for (const key of [...container.keys()]) yield [key, two ? container.get(key)! : null];
}

/** What `optMap` and its like expand to. */
export function isBinding({ range, condition }: Comprehension): boolean {
  return (
    range.kind === 'list' && range.elements.length === 0 && condition.kind === 'literal' && condition.value === false
  );
}

function present(value: Value, optional: boolean): Value | undefined {
  if (!optional) return value;
  if (value instanceof Optional) return value.value;
  throw new CelEvaluationError('no such overload');
}

function lookUpField(value: Value, field: string): Optional {
  if (value === null) return none;
  if (value instanceof Optional) return value.value === undefined ? none : lookUpField(value.value, field);
  if (value instanceof MapValue) return lookUp(value, field);
  throw new CelEvaluationError('no such overload');
}

/** `decisive` decides alone, on whichever side it is; an error on one side is forgotten then. */
function shortCircuit(left: Evaluate, right: Evaluate, decisive: boolean): Evaluate {
  return (run) => {
    const first = attempt(left, run);
    if (first === decisive) return decisive;
    const second = attempt(right, run);
    if (second === decisive) return decisive;
    for (const value of [first, second]) {
      if (value instanceof CelEvaluationError) throw value;
      if (typeof value !== 'boolean') throw new CelEvaluationError('no such overload');
    }
    return !decisive;
  };
}

function conditional(test: Evaluate, yes: Evaluate, no: Evaluate): Evaluate {
  return (run) => {
    const value = test(run);
    if (typeof value !== 'boolean') throw new CelEvaluationError('no such overload');
    return value ? yes(run) : no(run);
  };
}

function notStrictlyFalse(test: Evaluate): Evaluate {
  return (run) => {
    const value = attempt(test, run);
    spend(run, 1);
    return value !== false;
  };
}

function dispatch({ overloads }: CheckedCall, args: readonly Evaluate[]): Evaluate {
  const only = overloads.length === 1 ? overloads[0]! : undefined;
  return (run) => {
    const values = args.map((arg) => arg(run));
    const overload = only && fits(only, values) ? only : overloads.find((candidate) => fits(candidate, values));
    if (!overload) throw new CelEvaluationError('no such overload');
    if (overload.cost && isCostlyBefore(overload)) spend(run, overload.cost.actual(values, null));
    const result = overload.apply(...values);
    if (!overload.cost) spend(run, 1);
    else if (!isCostlyBefore(overload)) spend(run, overload.cost.actual(values, result));
    return result;
  };
}

/** What the result decides is counted after; everything else before the work is done. */
function isCostlyBefore(overload: Overload): boolean {
  return overload.cost!.actual.length < 2;
}

function fits(overload: Overload, values: readonly Value[]): boolean {
  return overload.args.every((type, index) => accepts(type, values[index]!));
}

export function variableReader(
  declared: Readonly<Record<string, import('./types.ts').CelType>>,
  given: Readonly<Record<string, unknown>>,
): (name: string) => Value {
  const values = new Map<string, Value>();
  return (name) => {
    const known = values.get(name);
    if (known !== undefined) return known;
    if (!Object.hasOwn(given, name) || given[name] === undefined) {
      throw new CelEvaluationError(`no such attribute(s): ${name}`);
    }
    const value = fromJson(given[name], declared[name] ?? dynType);
    values.set(name, value);
    return value;
  };
}
