/**
 * Which items changed after a revision: what an agent that was away has to be told. It remembers names and revisions, not contents,
 * each item once, and a bounded number of them. Invariant: nothing that changed after `completeAfter` is missing.
 */
import type { Item } from './items.ts';

export class TouchedLog {
  readonly #revisions = new Map<Item, number>();
  readonly #capacity: number;
  #completeAfter = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  touch(item: Item, revision: number): void {
    const latest = Math.max(revision, this.#revisions.get(item) ?? 0);
    // Deleted first, so that the map's order is that of the last change.
    this.#revisions.delete(item);
    this.#revisions.set(item, latest);
    if (this.#revisions.size <= this.#capacity) return;
    const [oldest, oldestRevision] = this.#revisions.entries().next().value!;
    this.#revisions.delete(oldest);
    this.#completeAfter = Math.max(this.#completeAfter, oldestRevision);
  }

  /** Undefined if too much was forgotten to answer. */
  since(revision: number): Item[] | undefined {
    if (revision < this.#completeAfter) return undefined;
    const items: Item[] = [];
    for (const [item, touched] of this.#revisions) if (touched > revision) items.push(item);
    return items;
  }
}
