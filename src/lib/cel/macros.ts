/** `has`, `all`, `exists`, `exists_one`, `map`, `filter`, their forms with two variables, and those of optional values. */
import type { Comprehension, Expression } from './ast.ts';

export class MacroError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Of every comprehension that a macro makes; no source can name it. */
export const accumulatorName = '@result';
export const unusedVariable = '#unused';

class Builder {
  readonly #nextId: () => number;
  readonly offset: number;

  constructor(nextId: () => number, offset: number) {
    this.#nextId = nextId;
    this.offset = offset;
  }

  literal(value: boolean | bigint): Expression {
    return { kind: 'literal', id: this.#nextId(), offset: this.offset, value };
  }

  name(name: string): Expression {
    return { kind: 'identifier', id: this.#nextId(), offset: this.offset, name };
  }

  accumulated(): Expression {
    return this.name(accumulatorName);
  }

  call(name: string, ...args: Expression[]): Expression {
    return { kind: 'call', id: this.#nextId(), offset: this.offset, name, args };
  }

  member(target: Expression, name: string, ...args: Expression[]): Expression {
    return { kind: 'call', id: this.#nextId(), offset: this.offset, name, target, args };
  }

  list(...elements: Expression[]): Expression {
    return { kind: 'list', id: this.#nextId(), offset: this.offset, elements, optional: new Set() };
  }

  emptyMap(): Expression {
    return { kind: 'map', id: this.#nextId(), offset: this.offset, entries: [] };
  }

  fold(parts: Omit<Comprehension, 'kind' | 'id' | 'offset' | 'accumulator'> & { accumulator?: string }): Expression {
    return { accumulator: accumulatorName, ...parts, kind: 'comprehension', id: this.#nextId(), offset: this.offset };
  }
}

/** The tree that a call of a macro stands for; undefined where it is no macro. @throws MacroError */
export function expandMacro(
  nextId: () => number,
  offset: number,
  name: string,
  target: Expression | undefined,
  args: readonly Expression[],
): Expression | undefined {
  const build = new Builder(nextId, offset);
  if (!target) return name === 'has' && args.length === 1 ? expandHas(build, args[0]!) : undefined;
  const macro = macros.get(`${name}/${args.length}`);
  return macro?.(build, target, args);
}

function expandHas(build: Builder, argument: Expression): Expression {
  if (argument.kind === 'select' && !argument.testOnly) return { ...argument, offset: build.offset, testOnly: true };
  throw new MacroError(argument.offset, 'invalid argument to has() macro');
}

type Macro = (build: Builder, range: Expression, args: readonly Expression[]) => Expression;

interface Loop {
  readonly variable: string;
  readonly second?: string;
  readonly rest: readonly Expression[];
}

function variableName(argument: Expression, what = 'argument must be a simple name'): string {
  if (argument.kind !== 'identifier') throw new MacroError(argument.offset, what);
  if (argument.name === accumulatorName)
    throw new MacroError(argument.offset, 'iteration variable overwrites accumulator variable');
  return argument.name;
}

function one(args: readonly Expression[]): Loop {
  return { variable: variableName(args[0]!), rest: args.slice(1) };
}

function two(args: readonly Expression[]): Loop {
  const [variable, second] = [variableName(args[0]!), variableName(args[1]!)];
  if (variable === second) throw new MacroError(args[1]!.offset, `duplicate variable name: ${second}`);
  return { variable, second, rest: args.slice(2) };
}

function all(loop: (args: readonly Expression[]) => Loop): Macro {
  return (build, range, args) => {
    const { rest, ...variables } = loop(args);
    return build.fold({
      range,
      ...variables,
      init: build.literal(true),
      condition: build.call('@not_strictly_false', build.accumulated()),
      step: build.call('_&&_', build.accumulated(), rest[0]!),
      result: build.accumulated(),
    });
  };
}

function exists(loop: (args: readonly Expression[]) => Loop): Macro {
  return (build, range, args) => {
    const { rest, ...variables } = loop(args);
    return build.fold({
      range,
      ...variables,
      init: build.literal(false),
      condition: build.call('@not_strictly_false', build.call('!_', build.accumulated())),
      step: build.call('_||_', build.accumulated(), rest[0]!),
      result: build.accumulated(),
    });
  };
}

function existsOne(loop: (args: readonly Expression[]) => Loop): Macro {
  return (build, range, args) => {
    const { rest, ...variables } = loop(args);
    const counted = build.call('_+_', build.accumulated(), build.literal(1n));
    return build.fold({
      range,
      ...variables,
      init: build.literal(0n),
      condition: build.literal(true),
      step: build.call('_?_:_', rest[0]!, counted, build.accumulated()),
      result: build.call('_==_', build.accumulated(), build.literal(1n)),
    });
  };
}

/** `map(x, y)`, `map(x, where, y)`, `filter(x, where)`, `transformList`. */
function collect(loop: (args: readonly Expression[]) => Loop, kind: 'map' | 'filter'): Macro {
  return (build, range, args) => {
    const { rest, ...variables } = loop(args);
    const item = kind === 'filter' ? build.name(variables.variable) : rest.at(-1)!;
    const where = kind === 'filter' || rest.length === 2 ? rest[0] : undefined;
    const added = build.call('_+_', build.accumulated(), build.list(item));
    return build.fold({
      range,
      ...variables,
      init: build.list(),
      condition: build.literal(true),
      step: where ? build.call('_?_:_', where, added, build.accumulated()) : added,
      result: build.accumulated(),
    });
  };
}

/** `transformMap(k, v, y)` keeps the keys; `transformMapEntry(k, v, {a: b})` makes them. */
function collectMap(kind: 'value' | 'entry'): Macro {
  return (build, range, args) => {
    const { rest, ...variables } = two(args);
    const item = rest.at(-1)!;
    const where = rest.length === 2 ? rest[0] : undefined;
    const inserted =
      kind === 'entry'
        ? build.call('cel.@mapInsert', build.accumulated(), item)
        : build.call('cel.@mapInsert', build.accumulated(), build.name(variables.variable), item);
    return build.fold({
      range,
      ...variables,
      init: build.emptyMap(),
      condition: build.literal(true),
      step: where ? build.call('_?_:_', where, inserted, build.accumulated()) : inserted,
      result: build.accumulated(),
    });
  };
}

function optionalMap(flat: boolean): Macro {
  return (build, target, args) => {
    const name = variableName(
      args[0]!,
      `${flat ? 'optFlatMap' : 'optMap'}() variable name must be a simple identifier`,
    );
    const bound = build.fold({
      range: build.list(),
      variable: unusedVariable,
      accumulator: name,
      init: build.member(target, 'value'),
      condition: build.literal(false),
      step: build.name(name),
      result: args[1]!,
    });
    const none = build.member(build.name('optional'), 'none');
    const some = flat ? bound : build.member(build.name('optional'), 'of', bound);
    return build.call('_?_:_', build.member(target, 'hasValue'), some, none);
  };
}

const macros: ReadonlyMap<string, Macro> = new Map([
  ['all/2', all(one)],
  ['all/3', all(two)],
  ['exists/2', exists(one)],
  ['exists/3', exists(two)],
  ['exists_one/2', existsOne(one)],
  ['exists_one/3', existsOne(two)],
  ['existsOne/2', existsOne(one)],
  ['existsOne/3', existsOne(two)],
  ['map/2', collect(one, 'map')],
  ['map/3', collect(one, 'map')],
  ['filter/2', collect(one, 'filter')],
  ['transformList/3', collect(two, 'map')],
  ['transformList/4', collect(two, 'map')],
  ['transformMap/3', collectMap('value')],
  ['transformMap/4', collectMap('value')],
  ['transformMapEntry/3', collectMap('entry')],
  ['transformMapEntry/4', collectMap('entry')],
  ['optMap/2', optionalMap(false)],
  ['optFlatMap/2', optionalMap(true)],
]);
