/** The syntax tree of an expression. Macros are expanded: `all`, `map` and their like are comprehensions here. */
import type { Value } from './values.ts';

interface Node {
  /** Unique within one expression. */
  readonly id: number;
  /** Index in the source, for messages. */
  readonly offset: number;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Value;
}

export interface Identifier extends Node {
  readonly kind: 'identifier';
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expression;
  readonly field: string;
  /** Of `has(a.b)`: whether the field is there. */
  readonly testOnly: boolean;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  /** Of a member call: what stands before the dot. */
  readonly target?: Expression | undefined;
  readonly args: readonly Expression[];
}

export interface ListLiteral extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expression[];
  /** Indexes of elements written as `?element`. */
  readonly optional: ReadonlySet<number>;
}

export interface Entry {
  readonly offset: number;
  readonly key: Expression;
  readonly value: Expression;
  readonly optional: boolean;
}

export interface MapLiteral extends Node {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}

export interface FieldEntry {
  readonly offset: number;
  readonly name: string;
  readonly value: Expression;
  readonly optional: boolean;
}

export interface StructLiteral extends Node {
  readonly kind: 'struct';
  readonly name: string;
  readonly entries: readonly FieldEntry[];
}

/**
 * `accumulator` starts as `init` and becomes `step` for each element of `range` while `condition` holds; then `result`.
 * `second` is there in the forms with two variables: key (or index) and value.
 */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly range: Expression;
  readonly variable: string;
  readonly second?: string | undefined;
  readonly accumulator: string;
  readonly init: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

export type Expression =
  | Literal
  | Identifier
  | Select
  | Call
  | ListLiteral
  | MapLiteral
  | StructLiteral
  | Comprehension;
