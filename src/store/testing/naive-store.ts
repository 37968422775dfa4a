/** What the store must do, in the most obvious way: every revision is a whole copy of the map. */
import type { Compare, KeyRange, KeyValue, Operation, RangeOptions, Transaction, WatchEvent } from '../types.ts';

type Contents = ReadonlyMap<string, KeyValue>;

/** Of one operation: the keys that it found or replaced, or what came of a nested transaction. */
export type Found =
  | readonly KeyValue[]
  | { readonly items: readonly KeyValue[]; readonly count: number; readonly more: boolean }
  | { readonly succeeded: boolean; readonly found: readonly Found[] };

export class NaiveStore {
  /** Index is the revision; 0 is unused. */
  readonly #revisions: Contents[] = [new Map(), new Map()];
  readonly #leases = new Map<bigint, number>();
  readonly events: WatchEvent[] = [];

  get revision(): number {
    return this.#revisions.length - 1;
  }

  /** Ids and times to live. */
  get leases(): ReadonlyMap<bigint, number> {
    return this.#leases;
  }

  range(range: KeyRange & RangeOptions, revision = this.revision): ReturnType<typeof rangeOf> {
    return rangeOf(this.#revisions[revision]!, range);
  }

  /** Returns what was found, or the code of the refusal. Deletes that meet puts are for the caller to leave out. */
  transact(transaction: Transaction, compactedRevision: number): { succeeded: boolean; found: Found[] } | string {
    const before = this.#revisions[this.revision]!;
    const refusal = this.#refusal(before, transaction, compactedRevision);
    if (refusal) return refusal;
    const contents = new Map(before);
    const events: WatchEvent[] = [];
    const run = (one: Transaction): { succeeded: boolean; found: Found[] } => {
      const succeeded = one.compare.every((compare) => holds(before, compare));
      const found = (succeeded ? one.success : (one.failure ?? [])).map((operation) =>
        operation.type === 'transaction'
          ? run(operation.transaction)
          : this.#run(contents, operation, this.revision + 1, events),
      );
      return { succeeded, found };
    };
    const result = run(transaction);
    this.#write(contents, events);
    return result;
  }

  grant(id: bigint, ttlSeconds: number): string | undefined {
    if (this.#leases.has(id)) return 'lease-exists';
    this.#leases.set(id, Math.max(2, ttlSeconds));
    return undefined;
  }

  revoke(id: bigint): string | undefined {
    if (!this.#leases.delete(id)) return 'lease-not-found';
    const contents = new Map(this.#revisions[this.revision]!);
    const events: WatchEvent[] = [];
    for (const key of this.keysOf(id)) remove(contents, key, this.revision + 1, events);
    this.#write(contents, events);
    return undefined;
  }

  keysOf(id: bigint): string[] {
    const items = [...this.#revisions[this.revision]!.values()];
    return items
      .filter((item) => item.leaseId === id)
      .map((item) => item.key)
      .sort();
  }

  #write(contents: Contents, events: WatchEvent[]): void {
    if (events.length > 0) this.#revisions.push(contents);
    this.events.push(...events);
  }

  #refusal(before: Contents, transaction: Transaction, compactedRevision: number): string | undefined {
    const succeeded = transaction.compare.every((compare) => holds(before, compare));
    const operations = succeeded ? transaction.success : (transaction.failure ?? []);
    for (const operation of operations) {
      if (operation.type === 'put') {
        if ((operation.ignoreValue || operation.ignoreLease) && !before.has(operation.key)) return 'key-not-found';
        if (operation.leaseId && !this.#leases.has(operation.leaseId)) return 'lease-not-found';
      }
      if (operation.type === 'range' && operation.revision) {
        if (operation.revision > this.revision) return 'future-revision';
        if (operation.revision < compactedRevision) return 'compacted';
      }
    }
    for (const operation of operations) {
      const refusal =
        operation.type === 'transaction' ? this.#refusal(before, operation.transaction, compactedRevision) : undefined;
      if (refusal) return refusal;
    }
    return undefined;
  }

  #run(
    contents: Map<string, KeyValue>,
    operation: Exclude<Operation, { type: 'transaction' }>,
    revision: number,
    events: WatchEvent[],
  ): Found {
    if (operation.type === 'range')
      return rangeOf(operation.revision ? this.#revisions[operation.revision]! : contents, operation);
    if (operation.type === 'delete')
      return select(contents, operation).map(({ key }) => remove(contents, key, revision, events));
    const { key } = operation;
    const previous = contents.get(key);
    const current: KeyValue = {
      key,
      value: operation.ignoreValue ? previous!.value : operation.value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      leaseId: operation.ignoreLease ? previous!.leaseId : operation.leaseId || undefined,
    };
    contents.set(key, current);
    events.push({ type: 'put', current, previous });
    return previous ? [previous] : [];
  }
}

function remove(contents: Map<string, KeyValue>, key: string, revision: number, events: WatchEvent[]): KeyValue {
  const previous = contents.get(key)!;
  contents.delete(key);
  const current = { key, value: Buffer.alloc(0), createRevision: 0, modRevision: revision, version: 0 };
  events.push({ type: 'delete', current, previous });
  return previous;
}

function select(contents: Contents, range: KeyRange): KeyValue[] {
  return [...contents.values()]
    .filter(({ key }) =>
      range.end === undefined ? key === range.key : key >= range.key && (range.end === '' || key < range.end),
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function rangeOf(contents: Contents, range: KeyRange & RangeOptions) {
  const all = select(contents, range);
  const { limit = 0, sort, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = range;
  const count = all.length;
  if (range.countOnly) return { items: [], count, more: false };
  const bounded = minModRevision || maxModRevision || minCreateRevision || maxCreateRevision;
  // Without an order, one more than the limit is read and only that is sorted.
  const early = limit > 0 && !bounded && (!sort || sort.order === 'none');
  let items = (early ? all.slice(0, limit + 1) : all).filter(
    (item) =>
      item.modRevision >= (minModRevision || 0) &&
      item.modRevision <= (maxModRevision || Number.POSITIVE_INFINITY) &&
      item.createRevision >= (minCreateRevision || 0) &&
      item.createRevision <= (maxCreateRevision || Number.POSITIVE_INFINITY),
  );
  if (sort) {
    const sign = sort.order === 'descend' ? -1 : 1;
    items = items.toSorted((a, b) => {
      const [x, y] = [a[sort.target], b[sort.target]].map((field) =>
        field instanceof Uint8Array ? Buffer.from(field).toString('latin1') : field,
      );
      return x === y ? 0 : sign * (x! < y! ? -1 : 1);
    });
  }
  const more = limit > 0 && items.length > limit;
  if (more) items = items.slice(0, limit);
  if (range.keysOnly) items = items.map((item) => ({ ...item, value: Buffer.alloc(0) }));
  return { items, count, more };
}

function holds(contents: Contents, compare: Compare): boolean {
  const items: (KeyValue | undefined)[] = select(contents, compare);
  if (items.length === 0) items.push(undefined);
  return items.every((item) => {
    let difference: number;
    if (compare.target === 'value') {
      if (!item) return false;
      difference = Buffer.compare(item.value, compare.operand);
    } else if (compare.target === 'lease') difference = Number((item?.leaseId ?? 0n) - compare.operand);
    else difference = (item?.[compare.target] ?? 0) - compare.operand;
    if (compare.operator === '=') return difference === 0;
    if (compare.operator === '!=') return difference !== 0;
    return compare.operator === '<' ? difference < 0 : difference > 0;
  });
}
