/** A function of CEL for one list of argument types: what it takes and gives, what it does, what it costs. */
import { type Range, times, unknownRange } from './cost/range.ts';
import { isDuration, isTimestamp } from './time.ts';
import { type CelType, parseType, splitTopLevel, typeName } from './types.ts';
import { ListValue, MapValue, nameOfType, OpaqueValue, Optional, TypeValue, Uint, type Value } from './values.ts';

/** An argument as far as it is known before anything runs. */
export interface SizedArgument {
  readonly type: CelType;
  readonly size: Range | undefined;
  readonly literal?: Value | undefined;
  /** Of a list: the size of one element. */
  readonly elementSize: () => Range | undefined;
}

export interface CallCost {
  /** Beside what the arguments cost. `size` is that of the result. Undefined: as any other function. */
  estimate(args: readonly SizedArgument[]): { readonly cost: Range; readonly size?: Range | undefined } | undefined;
  actual(args: readonly Value[], result: Value): number;
}

export interface Overload {
  readonly name: string;
  readonly id: string;
  /** Written `target.name(…)`; the target is the first argument. */
  readonly member: boolean;
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly apply: (...args: Value[]) => Value;
  readonly cost?: CallCost | undefined;
}

export interface Library {
  readonly overloads: readonly Overload[];
}

// biome-ignore lint/suspicious/noExplicitAny: the declared types say what comes; `accepts` has looked
type Apply = (...args: any[]) => Value;

/** `types` reads `string, int -> bool`. */
export function fn(name: string, id: string, types: string, apply: Apply, cost?: CallCost): Overload {
  const [args = '', result = 'dyn'] = types.split('->').map((part) => part.trim());
  return {
    name,
    id,
    member: false,
    args: splitTopLevel(args).map(parseType),
    result: parseType(result),
    apply,
    cost,
  };
}

export function method(name: string, id: string, types: string, apply: Apply, cost?: CallCost): Overload {
  return { ...fn(name, id, types, apply, cost), member: true };
}

/** Whether a value can be given where `type` is declared. */
export function accepts(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'parameter':
    case 'error':
      return true;
    case 'null':
      return value === null;
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'uint':
      return value instanceof Uint;
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'timestamp':
      return isTimestamp(value);
    case 'duration':
      return isDuration(value);
    case 'list':
      return value instanceof ListValue && (type.element.kind === 'parameter' || acceptsAll(type.element, value));
    case 'map':
    case 'struct':
      return value instanceof MapValue;
    case 'opaque':
      if (type.name !== 'optional_type') return value instanceof OpaqueValue && value.typeName === typeName(type);
      return value instanceof Optional && (value.value === undefined || accepts(type.parameters[0]!, value.value));
    case 'type':
      return value instanceof TypeValue;
  }
}

/** The first element speaks for all: lists of mixed types are told by what the function then does with them. */
function acceptsAll(element: CelType, list: ListValue): boolean {
  return list.length === 0 || accepts(element, list.at(0));
}

export function describeArguments(args: readonly Value[]): string {
  return args.map(nameOfType).join(', ');
}

/** A cost that does not depend on the arguments. */
export function fixedCost(cost: number): CallCost {
  return { estimate: () => ({ cost: { min: cost, max: cost } }), actual: () => cost };
}

export function sizeOr(argument: SizedArgument | undefined): Range {
  return argument?.size ?? unknownRange;
}

export { times };
