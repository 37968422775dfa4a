/**
 * Types of every part of an expression, and which overloads each call may mean. Where a type is not known (dyn) everything is
 * allowed and decided when it runs.
 */
import type { Call, Comprehension, Entry, Expression, ListLiteral, Select, StructLiteral } from './ast.ts';
import { type CelEnvironment, type FunctionTable, functionTable } from './environment.ts';
import type { CelIssue } from './errors.ts';
import { CelEvaluationError } from './errors.ts';
import { compilePattern } from './functions/patterns.ts';
import { unusedVariable } from './macros.ts';
import type { Overload } from './overload.ts';
import { durationFromText, instantFromText } from './time.ts';
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  errorType,
  formatType,
  intType,
  isOptional,
  listOf,
  mapOf,
  nullType,
  opaqueType,
  optionalOf,
  sameType,
  stringType,
  TypeBindings,
  timestampType,
  uintType,
} from './types.ts';
import { Uint, type Value } from './values.ts';

export interface CheckedCall {
  /** With a namespace: `optional.of`. */
  readonly name: string;
  /** The target is part of the name, not an argument. */
  readonly namespaced: boolean;
  readonly overloads: readonly Overload[];
}

export interface Checked {
  readonly expression: Expression;
  readonly types: ReadonlyMap<number, CelType>;
  readonly calls: ReadonlyMap<number, CheckedCall>;
  /** Names that stand for a type, by node. */
  readonly typeNames: ReadonlyMap<number, string>;
  /** Selections that are the name of a variable (`authorizer.requestResource`). */
  readonly variableNames: ReadonlyMap<number, string>;
  /** Names of variables of the environment that are read. */
  readonly variables: ReadonlySet<string>;
}

const typeIdentifiers: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', boolType],
  ['bytes', bytesType],
  ['double', doubleType],
  ['dyn', dynType],
  ['int', intType],
  ['uint', uintType],
  ['string', stringType],
  ['null_type', nullType],
  ['list', listOf(dynType)],
  ['map', mapOf(dynType, dynType)],
  ['type', { kind: 'type', of: dynType }],
  ['optional_type', optionalOf(dynType)],
  ['google.protobuf.Timestamp', timestampType],
  ['google.protobuf.Duration', durationType],
]);

/** Finds all it can; with issues, the rest of the result is of no use. */
export function check(expression: Expression, environment: CelEnvironment): { checked: Checked; issues: CelIssue[] } {
  const checker = new Checker(environment);
  return checker.run(expression);
}

class Checker {
  readonly #environment: CelEnvironment;
  readonly #functions: FunctionTable;
  readonly #bindings = new TypeBindings();
  readonly #types = new Map<number, CelType>();
  readonly #calls = new Map<number, CheckedCall>();
  readonly #typeNames = new Map<number, string>();
  readonly #variableNames = new Map<number, string>();
  readonly #variables = new Set<string>();
  readonly #issues: CelIssue[] = [];
  /** The innermost last. */
  readonly #scopes: (readonly [string, CelType])[] = [];

  constructor(environment: CelEnvironment) {
    this.#environment = environment;
    this.#functions = functionTable(environment.libraries);
  }

  run(expression: Expression): { checked: Checked; issues: CelIssue[] } {
    this.#check(expression);
    const types = new Map<number, CelType>();
    for (const [id, type] of this.#types) types.set(id, this.#bindings.substitute(type, true));
    return {
      checked: {
        expression,
        types,
        calls: this.#calls,
        typeNames: this.#typeNames,
        variableNames: this.#variableNames,
        variables: this.#variables,
      },
      issues: this.#issues,
    };
  }

  #check(expression: Expression): CelType {
    const type = this.#typeOf(expression);
    this.#types.set(expression.id, type);
    return type;
  }

  #typeOf(expression: Expression): CelType {
    switch (expression.kind) {
      case 'literal':
        return literalType(expression.value);
      case 'identifier':
        return (
          this.#variable(expression.name) ??
          this.#typeName(expression.id, expression.name) ??
          this.#undeclared(expression.offset, expression.name)
        );
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression.entries);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
        return this.#comprehension(expression);
    }
  }

  #variable(name: string): CelType | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const [scoped, type] = this.#scopes[index]!;
      if (scoped === name) return type;
    }
    if (!Object.hasOwn(this.#environment.variables, name)) return undefined;
    this.#variables.add(name);
    return this.#environment.variables[name];
  }

  /** A declared name with dots in it, unless a variable of a comprehension hides its first part. */
  #qualifiedVariable(name: string): CelType | undefined {
    const first = name.split('.')[0]!;
    if (this.#scopes.some(([scoped]) => scoped === first)) return undefined;
    return Object.hasOwn(this.#environment.variables, name) ? this.#environment.variables[name] : undefined;
  }

  #typeName(id: number, name: string): CelType | undefined {
    const known = typeIdentifiers.get(name) ?? this.#environment.structs?.(name) ?? this.#libraryType(name);
    if (!known) return undefined;
    this.#typeNames.set(id, name);
    return { kind: 'type', of: known };
  }

  #libraryType(name: string): CelType | undefined {
    const mentions = (type: CelType) => type.kind === 'opaque' && type.name === name;
    for (const overloads of this.#functions.values()) {
      if (overloads.some(({ result }) => mentions(result))) return opaqueType(name);
    }
    return undefined;
  }

  #undeclared(offset: number, name: string): CelType {
    return this.#fail(offset, `undeclared reference to '${name}' (in container '')`);
  }

  #fail(offset: number, message: string): CelType {
    this.#issues.push({ offset, message });
    return errorType;
  }

  #select(select: Select): CelType {
    const qualified = qualifiedName(select);
    const declared = qualified === undefined || select.testOnly ? undefined : this.#qualifiedVariable(qualified);
    if (declared) {
      this.#variableNames.set(select.id, qualified!);
      return declared;
    }
    if (qualified !== undefined && !select.testOnly && this.#variable(qualified.split('.')[0]!) === undefined) {
      const named = this.#typeName(select.id, qualified);
      if (named) return named;
    }
    const operand = this.#bindings.substitute(this.#check(select.operand), false);
    const type = this.#field(select.offset, operand, select.field);
    return select.testOnly && type.kind !== 'error' ? boolType : type;
  }

  #field(offset: number, operand: CelType, field: string): CelType {
    switch (operand.kind) {
      case 'dyn':
      case 'error':
      case 'parameter':
        return dynType;
      case 'map':
        return operand.value;
      case 'struct':
        return operand.fields.get(field)?.type ?? this.#fail(offset, `undefined field '${field}'`);
      case 'opaque':
        if (isOptional(operand)) {
          const inner = this.#field(offset, this.#bindings.substitute(operand.parameters[0]!, false), field);
          return inner.kind === 'error' ? inner : wrapOptional(inner);
        }
        break;
    }
    return this.#fail(offset, `type '${formatType(operand)}' does not support field selection`);
  }

  #call(call: Call): CelType {
    if (call.name === '_?._') return this.#optionalSelect(call);
    const namespace = call.target ? qualifiedName(call.target) : undefined;
    const namespaced = namespace === undefined ? undefined : `${namespace}.${call.name}`;
    if (namespaced !== undefined && this.#functions.has(namespaced)) {
      return this.#resolve(
        call,
        namespaced,
        true,
        call.args.map((arg) => this.#check(arg)),
      );
    }
    if (!this.#functions.has(call.name)) {
      if (call.target) this.#check(call.target);
      for (const arg of call.args) this.#check(arg);
      return this.#undeclared(call.offset, call.name);
    }
    const target = call.target ? [this.#check(call.target)] : [];
    return this.#resolve(call, call.name, false, [...target, ...call.args.map((arg) => this.#check(arg))]);
  }

  /** `a.?b` */
  #optionalSelect(call: Call): CelType {
    const [operand, field] = call.args as [Expression, Expression];
    const operandType = this.#bindings.substitute(this.#check(operand), false);
    this.#check(field);
    const name = field.kind === 'literal' ? String(field.value) : '';
    const type = this.#field(call.offset, operandType, name);
    this.#calls.set(call.id, {
      name: call.name,
      namespaced: false,
      overloads: this.#functions.get('_?._') ?? [],
    });
    return type.kind === 'error' ? type : wrapOptional(type);
  }

  #resolve(call: Call, name: string, namespaced: boolean, args: CelType[]): CelType {
    const member = call.target !== undefined && !namespaced;
    const chosen: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of this.#functions.get(name) ?? []) {
      if (overload.member !== member || overload.args.length !== args.length) continue;
      const fresh = this.#freshen(overload);
      if (!this.#bindings.assignable(args, fresh.args)) continue;
      chosen.push(overload);
      const type = this.#bindings.substitute(fresh.result, false);
      if (!result) result = type;
      else if (result.kind !== 'dyn' && !sameType(result, type)) result = dynType;
    }
    if (!result) return this.#noOverload(call, name, member, args);
    this.#checkLiterals(name, call, member);
    this.#calls.set(call.id, { name, namespaced, overloads: chosen });
    return result;
  }

  #noOverload(call: Call, name: string, member: boolean, args: CelType[]): CelType {
    const shown = args.map((type) => this.#bindings.substitute(type, true));
    if (shown.some(({ kind }) => kind === 'error')) return errorType;
    const [target, ...rest] = shown.map(formatType);
    const applied = member ? `${target}.(${rest.join(', ')})` : `(${shown.map(formatType).join(', ')})`;
    return this.#fail(call.offset, `found no matching overload for '${name}' applied to '${applied}'`);
  }

  /** Its parameters under names of their own. */
  #freshen(overload: Overload): { args: readonly CelType[]; result: CelType } {
    const names = new Map<string, CelType>();
    const rename = (type: CelType): CelType => {
      switch (type.kind) {
        case 'parameter': {
          const known = names.get(type.name) ?? this.#bindings.fresh();
          names.set(type.name, known);
          return known;
        }
        case 'list':
          return { ...type, element: rename(type.element) };
        case 'map':
          return mapOf(rename(type.key), rename(type.value));
        case 'opaque':
          return type.parameters.length === 0 ? type : opaqueType(type.name, ...type.parameters.map(rename));
        default:
          return type;
      }
    };
    return { args: overload.args.map(rename), result: rename(overload.result) };
  }

  /** Times and patterns that are written out are read at once. */
  #checkLiterals(name: string, call: Call, member: boolean): void {
    const read = literalReaders.get(name);
    const argument = name === 'matches' && !member ? call.args[1] : call.args[0];
    if (!read || argument?.kind !== 'literal' || typeof argument.value !== 'string') return;
    try {
      read(argument.value);
    } catch (error) {
      if (!(error instanceof CelEvaluationError)) throw error;
      this.#fail(argument.offset, `invalid ${name} argument`);
    }
  }

  #list({ elements, optional }: ListLiteral): CelType {
    let element: CelType | undefined;
    for (const [index, item] of elements.entries()) {
      let type = this.#check(item);
      if (optional.has(index)) type = this.#unwrapOptional(item.offset, type);
      element = this.#join(item.offset, element, type);
    }
    return listOf(element ?? this.#bindings.fresh());
  }

  #map(entries: readonly Entry[]): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of entries) {
      key = this.#join(entry.key.offset, key, this.#check(entry.key));
      let type = this.#check(entry.value);
      if (entry.optional) type = this.#unwrapOptional(entry.value.offset, type);
      value = this.#join(entry.value.offset, value, type);
    }
    return mapOf(key ?? this.#bindings.fresh(), value ?? this.#bindings.fresh());
  }

  /** Elements are of one type; nothing is made dyn in silence. */
  #join(offset: number, previous: CelType | undefined, current: CelType): CelType {
    if (!previous) return current;
    if (this.#bindings.assignable([previous], [current])) {
      return previous.kind === 'null' || (previous.kind !== 'dyn' && current.kind === 'dyn') ? current : previous;
    }
    return this.#mismatch(offset, previous, current);
  }

  #mismatch(offset: number, wanted: CelType, found: CelType): CelType {
    const show = (type: CelType) => formatType(this.#bindings.substitute(type, true));
    return this.#fail(offset, `expected type '${show(wanted)}' but found '${show(found)}'`);
  }

  #unwrapOptional(offset: number, type: CelType): CelType {
    const known = this.#bindings.substitute(type, false);
    if (isOptional(known)) return known.parameters[0]!;
    if (known.kind === 'dyn' || known.kind === 'error') return known;
    return this.#mismatch(offset, optionalOf(known), known);
  }

  #struct({ offset, name, entries }: StructLiteral): CelType {
    const type = this.#environment.structs?.(name);
    for (const entry of entries) {
      const given = this.#check(entry.value);
      if (!type) continue;
      const field = type.fields.get(entry.name);
      if (!field) {
        this.#fail(entry.offset, `undefined field '${entry.name}'`);
        continue;
      }
      const wanted = entry.optional ? optionalOf(field.type) : field.type;
      if (!this.#bindings.assignable([given], [wanted])) {
        const show = (shown: CelType) => formatType(this.#bindings.substitute(shown, true));
        this.#fail(
          entry.offset,
          `expected type of field '${entry.name}' is '${show(field.type)}' but provided type is '${show(given)}'`,
        );
      }
    }
    return type ?? this.#undeclared(offset, name);
  }

  #comprehension(fold: Comprehension): CelType {
    const range = this.#bindings.substitute(this.#check(fold.range), false);
    const accumulated = this.#check(fold.init);
    const [first, second] = this.#elementTypes(fold, range);
    this.#scopes.push([fold.accumulator, accumulated]);
    const depth = this.#scopes.length;
    if (fold.variable !== unusedVariable) this.#scopes.push([fold.variable, first]);
    if (fold.second !== undefined) this.#scopes.push([fold.second, second]);
    this.#expect(fold.condition, boolType);
    this.#expect(fold.step, accumulated);
    this.#scopes.length = depth;
    const result = this.#check(fold.result);
    this.#scopes.length = depth - 1;
    return this.#bindings.substitute(result, false);
  }

  #elementTypes(fold: Comprehension, range: CelType): [CelType, CelType] {
    const two = fold.second !== undefined;
    switch (range.kind) {
      case 'list':
        return two ? [intType, range.element] : [range.element, dynType];
      case 'map':
        return [range.key, range.value];
      case 'dyn':
      case 'error':
      case 'parameter':
        return [dynType, dynType];
      default:
        this.#fail(
          fold.range.offset,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [errorType, errorType];
    }
  }

  #expect(expression: Expression, wanted: CelType): void {
    const type = this.#check(expression);
    if (!this.#bindings.assignable([type], [wanted])) this.#mismatch(expression.offset, wanted, type);
  }
}

const literalReaders: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>([
  ['duration', durationFromText],
  ['timestamp', instantFromText],
  ['matches', compilePattern],
]);

function wrapOptional(type: CelType): CelType {
  return isOptional(type) ? type : optionalOf(type);
}

function literalType(value: Value): CelType {
  if (value === null) return nullType;
  if (typeof value === 'boolean') return boolType;
  if (typeof value === 'bigint') return intType;
  if (typeof value === 'number') return doubleType;
  if (typeof value === 'string') return stringType;
  return value instanceof Uint ? uintType : bytesType;
}

/** `a.b.c`, if that is all that it is. */
function qualifiedName(expression: Expression): string | undefined {
  if (expression.kind === 'identifier') return expression.name;
  if (expression.kind !== 'select' || expression.testOnly) return undefined;
  const prefix = qualifiedName(expression.operand);
  return prefix === undefined ? undefined : `${prefix}.${expression.field}`;
}
