/** What the store must do, in the most obvious way: every revision is a whole copy of the map. */
import type { Compare, KeyRange, KeyValue, Operation, Transaction, WatchEvent } from '../types.ts';

type Contents = ReadonlyMap<string, KeyValue>;

export class NaiveStore {
  /** Index is the revision; 0 is unused. */
  readonly #revisions: Contents[] = [new Map(), new Map()];
  readonly events: WatchEvent[] = [];

  get revision(): number {
    return this.#revisions.length - 1;
  }

  range(range: KeyRange, revision = this.revision): KeyValue[] {
    return select(this.#revisions[revision]!, range);
  }

  /** Returns whether the compares held and what each operation found. */
  transact(transaction: Transaction): { succeeded: boolean; found: KeyValue[][] } {
    const before = this.#revisions[this.revision]!;
    const succeeded = transaction.compare.every((compare) => holds(before, compare));
    const contents = new Map(before);
    const revision = this.revision + 1;
    const events: WatchEvent[] = [];
    const found = (succeeded ? transaction.success : (transaction.failure ?? [])).map((operation) =>
      run(contents, operation, revision, events),
    );
    if (events.length > 0) this.#revisions.push(contents);
    this.events.push(...events);
    return { succeeded, found };
  }
}

function select(contents: Contents, range: KeyRange): KeyValue[] {
  return [...contents.values()]
    .filter(({ key }) =>
      range.end === undefined ? key === range.key : key >= range.key && (range.end === '' || key < range.end),
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function holds(contents: Contents, compare: Compare): boolean {
  const items: (KeyValue | undefined)[] = select(contents, compare);
  if (items.length === 0) items.push(undefined);
  return items.every((item) => {
    let difference: number;
    if (compare.target === 'value') {
      if (!item) return false;
      difference = Buffer.compare(item.value, compare.operand);
    } else difference = (item?.[compare.target] ?? 0) - compare.operand;
    if (compare.operator === '=') return difference === 0;
    if (compare.operator === '!=') return difference !== 0;
    return compare.operator === '<' ? difference < 0 : difference > 0;
  });
}

function run(
  contents: Map<string, KeyValue>,
  operation: Operation,
  revision: number,
  events: WatchEvent[],
): KeyValue[] {
  if (operation.type === 'range') return select(contents, operation);
  if (operation.type === 'put') {
    const { key, value } = operation;
    const previous = contents.get(key);
    const current = {
      key,
      value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
    };
    contents.set(key, current);
    events.push({ type: 'put', current, previous });
    return previous ? [previous] : [];
  }
  const gone = select(contents, operation);
  for (const previous of gone) {
    contents.delete(previous.key);
    const current = { key: previous.key, value: Buffer.alloc(0), createRevision: 0, modRevision: revision, version: 0 };
    events.push({ type: 'delete', current, previous });
  }
  return gone;
}
