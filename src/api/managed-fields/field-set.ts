/**
 * Sets of field paths, in the very form in which they are stored: FieldsV1. A key is one path element (`f:NAME`, `k:{…}`, `v:VALUE`, `i:INDEX`;
 * see `path-element.ts`), its value the set below it; `.` says that the path itself is a member, and an empty object is a member without
 * anything below. The root stands for no path: there `{}` is the empty set.
 *
 *     {"f:spec": {"f:replicas": {}, "f:selector": {".": {}, "f:app": {}}}}     .spec.replicas, .spec.selector, .spec.selector.app
 *
 * Sets are values: no function here changes one, results may share parts.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A set while it is built. */
export type MutableFieldSet = { [element: string]: FieldSet };

export const emptyFields: FieldSet = Object.freeze({});

/** The key that makes a path with something below it a member. */
export const self = '.';

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Of what stands at an element: is the path itself in the set? */
export function isMember(node: FieldSet): boolean {
  return self in node || isEmptySet(node);
}

/** What stands at an element, from its two parts; undefined when neither is there. */
export function nodeOf(member: boolean, below: FieldSet): FieldSet | undefined {
  if (isEmptySet(below)) return member ? emptyFields : undefined;
  return member ? { [self]: emptyFields, ...below } : below;
}

function withoutSelf(node: FieldSet): FieldSet {
  if (!(self in node)) return node;
  const { [self]: _, ...below } = node;
  return below;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const result: MutableFieldSet = { ...a };
  for (const element in b) {
    const left = a[element];
    const right = b[element]!;
    result[element] = left === undefined ? right : unionNode(left, right);
  }
  return result;
}

function unionNode(a: FieldSet, b: FieldSet): FieldSet {
  const member = isMember(a) || isMember(b);
  return nodeOf(member, union(withoutSelf(a), withoutSelf(b))) ?? emptyFields;
}

/** Paths of `a` that are not in `b`. What is below a path of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (left, right) =>
    nodeOf(isMember(left) && !isMember(right), difference(below(left), below(right))),
  );
}

/** Paths of `a` that are neither in `b` nor below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (left, right) => {
    if (isMember(right)) return undefined;
    return nodeOf(isMember(left), recursiveDifference(below(left), below(right)));
  });
}

function below(node: FieldSet): FieldSet {
  return withoutSelf(node);
}

/** `a` with `change` where both have something. */
function combine(
  a: FieldSet,
  b: FieldSet,
  change: (left: FieldSet, right: FieldSet) => FieldSet | undefined,
): FieldSet {
  let result: MutableFieldSet | undefined;
  for (const element in b) {
    const left = a[element];
    if (left === undefined) continue;
    const changed = change(left, b[element]!);
    if (changed === left) continue;
    result ??= { ...a };
    if (changed === undefined) delete result[element];
    else result[element] = changed;
  }
  return result ?? a;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: MutableFieldSet = {};
  for (const element in a) {
    const right = b[element];
    if (right === undefined) continue;
    const left = a[element]!;
    const both = nodeOf(isMember(left) && isMember(right), intersection(below(left), below(right)));
    if (both) result[element] = both;
  }
  return result;
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  let count = 0;
  for (const element in a) {
    const right = b[element];
    if (right === undefined || !equalSets(a[element]!, right)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** Is the path in the set? */
export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node = set;
  for (const element of path) {
    const next = node[element];
    if (next === undefined) return false;
    node = next;
  }
  return path.length > 0 && isMember(node);
}

export function setOfPath(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), emptyFields);
}

/** All paths, the shorter first at each level, in the order of their elements. */
export function pathsOf(set: FieldSet, prefix: readonly string[] = []): string[][] {
  const elements = Object.keys(set)
    .filter((element) => element !== self)
    .sort();
  const members = elements.filter((element) => isMember(set[element]!)).map((element) => [...prefix, element]);
  const deeper = elements.flatMap((element) => pathsOf(set[element]!, [...prefix, element]));
  return [...members, ...deeper];
}
