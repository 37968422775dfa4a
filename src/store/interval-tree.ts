/**
 * Which of many ranges contain a key: a treap ordered by the start of the ranges, each node with the furthest end below it. A key finds its
 * ranges in O(log n + found). Ranges are known by an id; `end` '' means no end.
 */
import { assert } from '../lib/assert.ts';

interface Node<V> {
  readonly start: string;
  readonly end: string;
  readonly id: string;
  readonly value: V;
  readonly priority: number;
  left: Node<V> | undefined;
  right: Node<V> | undefined;
  /** The furthest end in this subtree. */
  reach: string;
}

export class IntervalTree<V> {
  #root: Node<V> | undefined;
  readonly #byId = new Map<string, Node<V>>();
  #sequence = 0;

  get(id: string): V | undefined {
    return this.#byId.get(id)?.value;
  }

  add(id: string, start: string, end: string, value: V): void {
    assert(!this.#byId.has(id), 'a range is added once', { id });
    const priority = scatter(++this.#sequence);
    const node: Node<V> = { start, end, id, value, priority, left: undefined, right: undefined, reach: end };
    this.#byId.set(id, node);
    this.#root = insert(this.#root, node);
  }

  delete(id: string): void {
    const node = this.#byId.get(id);
    if (!node) return;
    this.#byId.delete(id);
    this.#root = remove(this.#root, node);
  }

  forEach(key: string, visit: (value: V) => void): void {
    visitCovering(this.#root, key, visit);
  }
}

/** Balances the tree as random numbers would, and the same in every run. */
function scatter(number: number): number {
  let hash = Math.imul(number, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function visitCovering<V>(node: Node<V> | undefined, key: string, visit: (value: V) => void): void {
  if (!node || !endsAfter(node.reach, key)) return;
  visitCovering(node.left, key, visit);
  if (node.start > key) return;
  if (endsAfter(node.end, key)) visit(node.value);
  visitCovering(node.right, key, visit);
}

function endsAfter(end: string, key: string): boolean {
  return end === '' || key < end;
}

function isBefore<V>(a: Node<V>, b: Node<V>): boolean {
  return a.start < b.start || (a.start === b.start && a.id < b.id);
}

function insert<V>(root: Node<V> | undefined, node: Node<V>): Node<V> {
  if (!root) return node;
  if (node.priority > root.priority) {
    [node.left, node.right] = split(root, node);
    return updated(node);
  }
  if (isBefore(node, root)) root.left = insert(root.left, node);
  else root.right = insert(root.right, node);
  return updated(root);
}

/** What is before `node`, and what is after it. */
function split<V>(root: Node<V> | undefined, node: Node<V>): [Node<V> | undefined, Node<V> | undefined] {
  if (!root) return [undefined, undefined];
  if (isBefore(root, node)) {
    const [left, right] = split(root.right, node);
    root.right = left;
    return [updated(root), right];
  }
  const [left, right] = split(root.left, node);
  root.left = right;
  return [left, updated(root)];
}

function remove<V>(root: Node<V> | undefined, node: Node<V>): Node<V> | undefined {
  if (!root) return undefined;
  if (root === node) return merge(root.left, root.right);
  if (isBefore(node, root)) root.left = remove(root.left, node);
  else root.right = remove(root.right, node);
  return updated(root);
}

function merge<V>(left: Node<V> | undefined, right: Node<V> | undefined): Node<V> | undefined {
  if (!left) return right;
  if (!right) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return updated(left);
  }
  right.left = merge(left, right.left);
  return updated(right);
}

function updated<V>(node: Node<V>): Node<V> {
  let { end } = node;
  for (const child of [node.left, node.right]) {
    if (child && end !== '' && (child.reach === '' || child.reach > end)) end = child.reach;
  }
  node.reach = end;
  return node;
}
