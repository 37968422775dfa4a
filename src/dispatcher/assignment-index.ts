/**
 * Which pods are bound to which node, and which Secrets and ConfigMaps those pods need there, counted, so that a node is offered
 * exactly what it needs and only changes of that. No I/O.
 */
import type { Pod } from '../api/generated/types/core-v1.ts';
import { type Item, itemOf } from './items.ts';
import { referencesOf } from './pod-references.ts';

interface BoundPod {
  readonly node: string;
  readonly references: readonly Item[];
}

interface NodeItems {
  readonly pods: Set<Item>;
  /** How many of the node's pods need it. */
  readonly references: Map<Item, number>;
}

/** Told that the node's view of `item` changed: it is there now, is another, or is not wanted any more. */
export type OnTouched = (node: string, item: Item) => void;

export class AssignmentIndex {
  readonly #pods = new Map<Item, BoundPod>();
  readonly #nodes = new Map<string, NodeItems>();
  readonly #nodesByReference = new Map<Item, Set<string>>();

  setPod(pod: Pod, onTouched: OnTouched): void {
    const item = itemOf('pods', pod);
    const old = this.#pods.get(item);
    const node = pod.spec?.nodeName;
    if (!node || (old && old.node !== node)) this.removePod(item, onTouched);
    if (!node) return;
    const references = referencesOf(pod);
    this.#pods.set(item, { node, references });
    const items = this.#itemsOf(node);
    items.pods.add(item);
    // New ones first: what both versions need must not look unwanted in between.
    for (const reference of references) this.#addReference(node, items, reference, onTouched);
    if (old?.node === node)
      for (const reference of old.references) this.#dropReference(node, items, reference, onTouched);
    onTouched(node, item);
  }

  removePod(item: Item, onTouched: OnTouched): void {
    const old = this.#pods.get(item);
    if (!old) return;
    this.#pods.delete(item);
    const items = this.#itemsOf(old.node);
    items.pods.delete(item);
    onTouched(old.node, item);
    for (const reference of old.references) this.#dropReference(old.node, items, reference, onTouched);
    if (items.pods.size === 0) this.#nodes.delete(old.node);
  }

  /** A Secret or ConfigMap changed. */
  referenceChanged(item: Item, onTouched: OnTouched): void {
    for (const node of this.#nodesByReference.get(item) ?? []) onTouched(node, item);
  }

  wants(node: string, item: Item): boolean {
    const items = this.#nodes.get(node);
    return items !== undefined && (items.pods.has(item) || items.references.has(item));
  }

  /** References before pods, so that an agent has what a pod needs when it hears of the pod. */
  itemsOf(node: string): Item[] {
    const items = this.#nodes.get(node);
    return items ? [...items.references.keys(), ...items.pods] : [];
  }

  #itemsOf(node: string): NodeItems {
    let items = this.#nodes.get(node);
    if (!items) {
      items = { pods: new Set(), references: new Map() };
      this.#nodes.set(node, items);
    }
    return items;
  }

  #addReference(node: string, items: NodeItems, reference: Item, onTouched: OnTouched): void {
    const count = items.references.get(reference) ?? 0;
    items.references.set(reference, count + 1);
    if (count > 0) return;
    const nodes = this.#nodesByReference.get(reference);
    if (nodes) nodes.add(node);
    else this.#nodesByReference.set(reference, new Set([node]));
    onTouched(node, reference);
  }

  #dropReference(node: string, items: NodeItems, reference: Item, onTouched: OnTouched): void {
    const count = items.references.get(reference)!;
    if (count > 1) {
      items.references.set(reference, count - 1);
      return;
    }
    items.references.delete(reference);
    const nodes = this.#nodesByReference.get(reference)!;
    nodes.delete(node);
    if (nodes.size === 0) this.#nodesByReference.delete(reference);
    onTouched(node, reference);
  }
}
