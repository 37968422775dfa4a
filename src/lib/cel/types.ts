/** The types of CEL (Common Expression Language), and which may stand for which. */

export type ScalarKind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'error';

export interface ScalarType {
  readonly kind: ScalarKind;
}

export interface ListType {
  readonly kind: 'list';
  readonly element: CelType;
  /** Keys by which items are told apart, in a list that behaves like a map; a list that is a set has none. */
  readonly identity?: 'set' | { readonly keys: readonly string[] } | undefined;
}

export interface MapType {
  readonly kind: 'map';
  readonly key: CelType;
  readonly value: CelType;
}

export interface StructField {
  readonly type: CelType;
  /** As the value's JSON has it, where an identifier of CEL cannot. */
  readonly jsonName: string;
}

/** An object with known fields. Two of them are the same type when their names are. */
export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  /** By name in CEL. A getter where types refer to themselves. */
  readonly fields: ReadonlyMap<string, StructField>;
}

/** A type of a library: a URL, a quantity, an optional value. */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
  readonly parameters: readonly CelType[];
}

export interface TypeType {
  readonly kind: 'type';
  readonly of: CelType;
}

export interface ParameterType {
  readonly kind: 'parameter';
  readonly name: string;
}

export type CelType = ScalarType | ListType | MapType | StructType | OpaqueType | TypeType | ParameterType;

export const dynType: ScalarType = { kind: 'dyn' };
export const nullType: ScalarType = { kind: 'null' };
export const boolType: ScalarType = { kind: 'bool' };
export const intType: ScalarType = { kind: 'int' };
export const uintType: ScalarType = { kind: 'uint' };
export const doubleType: ScalarType = { kind: 'double' };
export const stringType: ScalarType = { kind: 'string' };
export const bytesType: ScalarType = { kind: 'bytes' };
export const timestampType: ScalarType = { kind: 'timestamp' };
export const durationType: ScalarType = { kind: 'duration' };
/** Of what had an error already: nothing more is said about it. */
export const errorType: ScalarType = { kind: 'error' };

export function listOf(element: CelType, identity?: ListType['identity']): ListType {
  return { kind: 'list', element, identity };
}

export function mapOf(key: CelType, value: CelType): MapType {
  return { kind: 'map', key, value };
}

export function opaqueType(name: string, ...parameters: CelType[]): OpaqueType {
  return { kind: 'opaque', name, parameters };
}

export function structType(name: string, fields: ReadonlyMap<string, StructField>): StructType {
  return { kind: 'struct', name, fields };
}

export function optionalOf(type: CelType): OpaqueType {
  return opaqueType('optional_type', type);
}

export function isOptional(type: CelType): type is OpaqueType {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

/** As CEL writes it. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'null':
      return 'null';
    case 'error':
      return '!error!';
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'struct':
      return type.name;
    case 'opaque':
      return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(formatType).join(', ')})`;
    case 'type':
      return type.of.kind === 'dyn' ? 'type' : `type(${formatType(type.of)})`;
    case 'parameter':
      return type.name;
    default:
      return type.kind;
  }
}

/** What `type(x)` prints: the name without parameters. */
export function typeName(type: CelType): string {
  switch (type.kind) {
    case 'null':
      return 'null_type';
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'struct':
    case 'opaque':
      return type.name;
    default:
      return type.kind;
  }
}

export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case 'list':
      return b.kind === 'list' && sameType(a.element, b.element);
    case 'map':
      return b.kind === 'map' && sameType(a.key, b.key) && sameType(a.value, b.value);
    case 'struct':
      return b.kind === 'struct' && a.name === b.name;
    case 'opaque':
      return (
        b.kind === 'opaque' &&
        a.name === b.name &&
        a.parameters.length === b.parameters.length &&
        a.parameters.every((parameter, index) => sameType(parameter, b.parameters[index]!))
      );
    case 'type':
      return b.kind === 'type' && sameType(a.of, b.of);
    case 'parameter':
      return b.kind === 'parameter' && a.name === b.name;
    default:
      return a.kind === b.kind;
  }
}

/** What is known of type parameters while one expression is checked. */
export class TypeBindings {
  private bindings = new Map<string, CelType>();
  private counter = 0;

  /** A parameter that no other has the name of. */
  fresh(): ParameterType {
    return { kind: 'parameter', name: `_var${this.counter++}` };
  }

  /** `type` with every known parameter replaced; unknown ones become dyn where `widen` is set. */
  substitute(type: CelType, widen: boolean): CelType {
    switch (type.kind) {
      case 'parameter': {
        const bound = this.bindings.get(type.name);
        if (bound) return this.substitute(bound, widen);
        return widen ? dynType : type;
      }
      case 'list':
        return { ...type, element: this.substitute(type.element, widen) };
      case 'map':
        return mapOf(this.substitute(type.key, widen), this.substitute(type.value, widen));
      case 'opaque':
        if (type.parameters.length === 0) return type;
        return opaqueType(type.name, ...type.parameters.map((parameter) => this.substitute(parameter, widen)));
      case 'type':
        return { kind: 'type', of: this.substitute(type.of, widen) };
      default:
        return type;
    }
  }

  /** Whether every one of `from` may be given where `to` are wanted; remembers what that says of parameters. */
  assignable(from: readonly CelType[], to: readonly CelType[]): boolean {
    if (from.length !== to.length) return false;
    const before = new Map(this.bindings);
    for (const [index, type] of from.entries()) {
      if (this.assign(type, to[index]!)) continue;
      this.bindings = before;
      return false;
    }
    return true;
  }

  /** The type of both: `a` where `b` may stand for it. */
  join(a: CelType | undefined, b: CelType): CelType {
    if (!a) return b;
    if (this.assignable([a], [b])) return moreGeneral(a, b);
    return dynType;
  }

  private assign(given: CelType, wanted: CelType): boolean {
    const from = this.bound(given);
    const to = this.bound(wanted);
    if (to.kind === 'parameter') return this.bind(to, from);
    if (from.kind === 'parameter') return this.bind(from, to);
    if (from.kind === 'dyn' || to.kind === 'dyn' || from.kind === 'error' || to.kind === 'error') return true;
    if (from.kind === 'null') return acceptsNull(to);
    if (to.kind === 'null') return acceptsNull(from);
    switch (to.kind) {
      case 'list':
        return from.kind === 'list' && this.assign(from.element, to.element);
      case 'map':
        return from.kind === 'map' && this.assign(from.key, to.key) && this.assign(from.value, to.value);
      case 'opaque':
        return (
          from.kind === 'opaque' &&
          from.name === to.name &&
          from.parameters.length === to.parameters.length &&
          from.parameters.every((parameter, index) => this.assign(parameter, to.parameters[index]!))
        );
      case 'struct':
        return from.kind === 'struct' && from.name === to.name;
      case 'type':
        return from.kind === 'type';
      default:
        return from.kind === to.kind;
    }
  }

  private bound(type: CelType): CelType {
    let current = type;
    while (current.kind === 'parameter') {
      const next = this.bindings.get(current.name);
      if (!next) return current;
      current = next;
    }
    return current;
  }

  private bind(parameter: ParameterType, type: CelType): boolean {
    if (type.kind === 'parameter' && type.name === parameter.name) return true;
    if (this.occurs(parameter, type)) return false;
    this.bindings.set(parameter.name, type);
    return true;
  }

  private occurs(parameter: ParameterType, within: CelType): boolean {
    const type = this.bound(within);
    switch (type.kind) {
      case 'parameter':
        return type.name === parameter.name;
      case 'list':
        return this.occurs(parameter, type.element);
      case 'map':
        return this.occurs(parameter, type.key) || this.occurs(parameter, type.value);
      case 'opaque':
        return type.parameters.some((inner) => this.occurs(parameter, inner));
      case 'type':
        return this.occurs(parameter, type.of);
      default:
        return false;
    }
  }
}

function acceptsNull(type: CelType): boolean {
  return (
    type.kind === 'null' ||
    type.kind === 'struct' ||
    type.kind === 'timestamp' ||
    type.kind === 'duration' ||
    (type.kind === 'opaque' && type.name !== 'optional_type')
  );
}

function moreGeneral(a: CelType, b: CelType): CelType {
  if (a.kind === 'dyn' || a.kind === 'parameter') return a;
  if (b.kind === 'dyn' || b.kind === 'parameter') return b;
  return a.kind === 'null' ? b : a;
}

const scalarTypes: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['dyn', dynType],
  ['null', nullType],
  ['bool', boolType],
  ['int', intType],
  ['uint', uintType],
  ['double', doubleType],
  ['string', stringType],
  ['bytes', bytesType],
  ['timestamp', timestampType],
  ['duration', durationType],
]);

/** Reads `map(A, list(B))`, `optional_type(A)`, `net.IP`: single capitals are parameters, unknown names are opaque types. */
export function parseType(text: string): CelType {
  const name = /^[\w.]+/.exec(text)?.[0] ?? '';
  const rest = text.slice(name.length);
  const parameters = rest === '' ? [] : splitTopLevel(rest.slice(1, -1)).map(parseType);
  if (name === 'list') return listOf(parameters[0] ?? dynType);
  if (name === 'map') return mapOf(parameters[0] ?? dynType, parameters[1] ?? dynType);
  if (name === 'type') return { kind: 'type', of: parameters[0] ?? dynType };
  if (/^[A-Z]$/.test(name)) return { kind: 'parameter', name };
  return scalarTypes.get(name) ?? opaqueType(name, ...parameters);
}

/** Parts between commas that stand in no parentheses. */
export function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const letter = text[index];
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (letter === undefined || (letter === ',' && depth === 0)) {
      const part = text.slice(start, index).trim();
      if (part !== '') parts.push(part);
      start = index + 1;
    }
  }
  return parts;
}
