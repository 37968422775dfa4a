/**
 * Values while an expression runs. JSON that comes in stays as it is and is looked at piece by piece (`fromJson`);
 * whole numbers are bigint, as CEL's `int` has 64 bits.
 */
import { CelEvaluationError } from './errors.ts';
import { type Duration, durationFromText, instantFromText, isDuration, isTimestamp, type Timestamp } from './time.ts';
import { type CelType, dynType, type ListType, type StructType } from './types.ts';

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** `optional.of(value)`, or `optional.none()` where `value` is undefined. */
export class Optional {
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export const none = new Optional(undefined);

/** The value of `type(x)`. */
export class TypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A value of a library's own type. */
export abstract class OpaqueValue {
  abstract readonly typeName: string;
  abstract equals(other: OpaqueValue): boolean;
  /** What `evaluate` hands out. */
  abstract toJson(): unknown;
  /** What a cost that goes by size counts. */
  get size(): number {
    return 1;
  }
}

export abstract class ListValue {
  abstract readonly length: number;
  abstract at(index: number): Value;
  get identity(): ListType['identity'] {
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<Value> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

export class ArrayList extends ListValue {
  readonly items: Value[];
  /** Set while a comprehension adds to it and nobody else can see it. */
  growing = false;
  readonly #identity: ListType['identity'];

  constructor(items: Value[], identity?: ListType['identity']) {
    super();
    this.items = items;
    this.#identity = identity;
  }

  get length(): number {
    return this.items.length;
  }

  override get identity(): ListType['identity'] {
    return this.#identity;
  }

  at(index: number): Value {
    return this.items[index]!;
  }
}

class JsonList extends ListValue {
  readonly items: readonly unknown[];
  readonly element: CelType;
  readonly #identity: ListType['identity'];

  constructor(items: readonly unknown[], element: CelType, identity?: ListType['identity']) {
    super();
    this.items = items;
    this.element = element;
    this.#identity = identity;
  }

  get length(): number {
    return this.items.length;
  }

  override get identity(): ListType['identity'] {
    return this.#identity;
  }

  at(index: number): Value {
    return fromJson(this.items[index], this.element);
  }
}

/** Maps and objects. `get` is undefined for a key that is not there. */
export abstract class MapValue {
  abstract readonly size: number;
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** Of an object: its type. */
  get struct(): StructType | undefined {
    return undefined;
  }
}

export class EntryMap extends MapValue {
  readonly #entries = new Map<string, readonly [Value, Value]>();
  growing = false;

  get size(): number {
    return this.#entries.size;
  }

  /** @throws CelEvaluationError for a key that is there already. */
  insert(key: Value, value: Value): void {
    const id = keyOf(key);
    if (this.#entries.has(id)) throw new CelEvaluationError(`insert failed: key ${String(unwrap(key))} already exists`);
    this.#entries.set(id, [key, value]);
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
}

class JsonMap extends MapValue {
  readonly object: Readonly<Record<string, unknown>>;
  readonly value: CelType;

  constructor(object: Readonly<Record<string, unknown>>, value: CelType) {
    super();
    this.object = object;
    this.value = value;
  }

  get size(): number {
    return Object.keys(this.object).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.object, key)) return undefined;
    const value = this.object[key];
    return value === undefined ? undefined : fromJson(value, this.value);
  }

  keys(): Iterable<Value> {
    return Object.keys(this.object);
  }
}

/** An object of a known type, by its fields' names in CEL. */
export class StructValue extends MapValue {
  readonly object: Readonly<Record<string, unknown>>;
  readonly type: StructType;

  constructor(object: Readonly<Record<string, unknown>>, type: StructType) {
    super();
    this.object = object;
    this.type = type;
  }

  override get struct(): StructType {
    return this.type;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  get(key: Value): Value | undefined {
    const field = typeof key === 'string' ? this.type.fields.get(key) : undefined;
    if (!field || !Object.hasOwn(this.object, field.jsonName)) return undefined;
    const value = this.object[field.jsonName];
    return value === undefined ? undefined : fromJson(value, field.type);
  }

  *keys(): Iterable<Value> {
    for (const [name, { jsonName }] of this.type.fields) {
      if (Object.hasOwn(this.object, jsonName) && this.object[jsonName] !== undefined) yield name;
    }
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | ListValue
  | MapValue
  | Optional
  | TypeValue
  | OpaqueValue;

/** Values that are told apart by them: `1`, `1u` and `1.0` are one key. */
function keyOf(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number' && Number.isInteger(key)) return `n${BigInt(key)}`;
  throw new CelEvaluationError(`unsupported key type: ${nameOfType(key)}`);
}

/** A value of JSON (or one made here already) as CEL sees it. `type` says what a number or a text means. */
export function fromJson(value: unknown, type: CelType = dynType): Value {
  switch (typeof value) {
    case 'string':
      return textAs(value, type);
    case 'number':
      return numberAs(value, type);
    case 'boolean':
    case 'bigint':
      return value;
    case 'object':
      return objectAs(value, type);
    default:
      return null;
  }
}

function textAs(text: string, type: CelType): Value {
  switch (type.kind) {
    case 'timestamp':
      return instantFromText(text);
    case 'duration':
      return durationFromText(text);
    case 'bytes':
      return new Uint8Array(Buffer.from(text, 'base64'));
    default:
      return text;
  }
}

function numberAs(value: number, type: CelType): Value {
  if (type.kind === 'double') return value;
  if (type.kind === 'uint') return new Uint(BigInt(Math.trunc(value)));
  return Number.isInteger(value) ? BigInt(value) : value;
}

function objectAs(value: object | null, type: CelType): Value {
  if (value === null) return null;
  if (Array.isArray(value)) {
    return type.kind === 'list' ? new JsonList(value, type.element, type.identity) : new JsonList(value, dynType);
  }
  if (isPlain(value)) {
    if (type.kind === 'struct') return new StructValue(value, type);
    return new JsonMap(value, type.kind === 'map' ? type.value : dynType);
  }
  return value as Value;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The reverse of `fromJson`; whole numbers become numbers, or stay bigint beyond 2^53. */
export function unwrap(value: Value): unknown {
  if (value === null) return null;
  if (typeof value === 'bigint') return safeNumber(value);
  if (typeof value !== 'object') return value;
  if (value instanceof ListValue) return Array.from(value, unwrap);
  if (value instanceof StructValue) return value.object;
  if (value instanceof MapValue) {
    return Object.fromEntries(Array.from(value.keys(), (key) => [String(unwrap(key)), unwrap(value.get(key)!)]));
  }
  if (value instanceof Uint) return safeNumber(value.value);
  if (value instanceof Optional) return value.value === undefined ? undefined : unwrap(value.value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof OpaqueValue) return value.toJson();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value.toString();
}

function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** As `type(value)` names it. */
export function nameOfType(value: Value): string {
  if (value === null) return 'null_type';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (value instanceof ListValue) return 'list';
  if (value instanceof MapValue) return value.struct?.name ?? 'map';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof OpaqueValue) return value.typeName;
  return isTimestamp(value) ? 'google.protobuf.Timestamp' : 'google.protobuf.Duration';
}

/** What a cost that goes by size counts: letters, bytes, elements; 1 for everything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (value === null || typeof value !== 'object') return 1;
  if (value instanceof ListValue || value instanceof Uint8Array) return value.length;
  if (value instanceof StructValue) return 1;
  if (value instanceof MapValue || value instanceof OpaqueValue) return value.size;
  if (value instanceof Optional && value.value !== undefined) return sizeOf(value.value);
  return 1;
}

export function codePoints(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}

/** CEL's `==`: numbers by value whatever their type; values of different types are different. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  const left = numeric(a);
  if (left !== undefined) {
    const right = numeric(b);
    // biome-ignore lint/suspicious/noDoubleEquals: bigint and number are compared by value
    return right !== undefined && left == right;
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof ListValue) return b instanceof ListValue && equalLists(a, b);
  if (a instanceof MapValue) return b instanceof MapValue && equalMaps(a, b);
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value);
  }
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof OpaqueValue) return b instanceof OpaqueValue && a.typeName === b.typeName && a.equals(b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (isTimestamp(a)) return isTimestamp(b) && a.nanos === b.nanos;
  return isDuration(a) && isDuration(b) && a.nanos === b.nanos;
}

function equalLists(a: ListValue, b: ListValue): boolean {
  if (a.length !== b.length) return false;
  if (a.identity === undefined) {
    for (let index = 0; index < a.length; index++) {
      if (!equal(a.at(index), b.at(index))) return false;
    }
    return true;
  }
  // Sets and lists like maps have no order.
  const identity = a.identity;
  if (identity === 'set') return [...a].every((item) => [...b].some((other) => equal(item, other)));
  const byKey = new Map(Array.from(b, (item) => [itemKey(item, identity.keys), item]));
  return [...a].every((item) => {
    const other = byKey.get(itemKey(item, identity.keys));
    return other !== undefined && equal(item, other);
  });
}

/** What tells an item of a list that is like a map from the others. */
export function itemKey(item: Value, keys: readonly string[]): string {
  if (!(item instanceof MapValue)) return JSON.stringify(unwrap(item));
  return JSON.stringify(keys.map((key) => unwrap(item.get(key) ?? null)));
}

function equalMaps(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !equal(a.get(key)!, other)) return false;
  }
  return true;
}

export function numeric(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}
