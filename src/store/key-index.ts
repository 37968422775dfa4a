/**
 * An ordered map from key to record: a B-tree of two levels. A leaf holds up to `maxLeafKeys` keys in order; the root is the
 * list of leaves. Invariant: no leaf is empty, and every key of a leaf sorts before every key of the next.
 *
 * Two levels are enough: a million keys are about 6,000 leaves, and a leaf enters or leaves the root only once in some hundred writes.
 */

interface Leaf<V> {
  readonly keys: string[];
  readonly records: V[];
}

const maxLeafKeys = 256;

export class KeyIndex<V> {
  #leaves: Leaf<V>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const leaf = this.#leaves[this.#leafOf(key)];
    if (!leaf) return undefined;
    const position = lowerBound(leaf.keys, key);
    return leaf.keys[position] === key ? leaf.records[position] : undefined;
  }

  /** Adds or replaces. */
  set(key: string, record: V): void {
    if (this.#leaves.length === 0) {
      this.#leaves.push({ keys: [key], records: [record] });
      this.#size = 1;
      return;
    }
    const leafPosition = this.#leafOf(key);
    const leaf = this.#leaves[leafPosition]!;
    const position = lowerBound(leaf.keys, key);
    if (leaf.keys[position] === key) {
      leaf.records[position] = record;
      return;
    }
    leaf.keys.splice(position, 0, key);
    leaf.records.splice(position, 0, record);
    this.#size++;
    if (leaf.keys.length > maxLeafKeys) this.#split(leafPosition);
  }

  delete(key: string): boolean {
    const leafPosition = this.#leafOf(key);
    const leaf = this.#leaves[leafPosition];
    if (!leaf) return false;
    const position = lowerBound(leaf.keys, key);
    if (leaf.keys[position] !== key) return false;
    leaf.keys.splice(position, 1);
    leaf.records.splice(position, 1);
    this.#size--;
    if (leaf.keys.length === 0) this.#leaves.splice(leafPosition, 1);
    return true;
  }

  /**
   * Visits the records of [key, end) in order until `visit` returns false; `end` as in `KeyRange`. The map must not change meanwhile.
   */
  scan(key: string, end: string | undefined, visit: (record: V) => boolean): void {
    if (end === undefined) {
      const record = this.get(key);
      if (record !== undefined) visit(record);
      return;
    }
    const first = this.#leafOf(key);
    for (let i = first; i < this.#leaves.length; i++) {
      const { keys, records } = this.#leaves[i]!;
      const from = i === first ? lowerBound(keys, key) : 0;
      const last = end !== '' && keys[keys.length - 1]! >= end;
      const to = last ? lowerBound(keys, end) : keys.length;
      for (let j = from; j < to; j++) if (!visit(records[j]!)) return;
      if (last) return;
    }
  }

  /** Position of the leaf that holds `key` if any does: the last one whose first key is not after it. */
  #leafOf(key: string): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#leaves[middle]!.keys[0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : low - 1;
  }

  #split(leafPosition: number): void {
    const leaf = this.#leaves[leafPosition]!;
    // Keys that arrive in order (a snapshot) fill leaves instead of leaving each half empty.
    const appended = leafPosition === this.#leaves.length - 1;
    const half = appended ? maxLeafKeys - 1 : maxLeafKeys >>> 1;
    this.#leaves.splice(leafPosition + 1, 0, { keys: leaf.keys.splice(half), records: leaf.records.splice(half) });
  }
}

/** Position of the first key that is not before `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
