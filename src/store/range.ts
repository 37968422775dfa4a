/** Answers a range with all of etcd's options, in etcd's order: bounds, then sort, then limit. */
import type { KeyHistory } from './key-history.ts';
import type { KeyIndex } from './key-index.ts';
import type { KeyRange, KeyValue, RangeAnswer, RangeOptions, SortOrder } from './types.ts';
import { noBytes, type Version } from './version.ts';

/** `revision` undefined: what is there now. */
export function answerRange(
  index: KeyIndex<KeyHistory>,
  range: KeyRange,
  revision: number | undefined,
  options: RangeOptions,
): RangeAnswer {
  const { sort, countOnly } = options;
  const limit = options.limit || Number.POSITIVE_INFINITY;
  const bounded = hasBounds(options);
  // What is sorted or left out can only be cut afterwards. Without an order, the limit comes first.
  const collected = countOnly ? 0 : bounded || (sort && sort.order !== 'none') ? Number.POSITIVE_INFINITY : limit + 1;
  let items: Version[] = [];
  let count = 0;
  index.scan(range.key, range.end, (history) => {
    const version = revision === undefined ? history.current : history.at(revision);
    if (version !== undefined && ++count <= collected) items.push(version);
    return true;
  });
  if (bounded) items = items.filter((item) => within(item, options));
  if (sort) sortItems(items, sort);
  const more = items.length > limit;
  if (more) items.length = limit;
  return { items: options.keysOnly ? items.map(withoutValue) : items, more: more && !countOnly, count };
}

function hasBounds(options: RangeOptions): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = options;
  return Boolean(minModRevision || maxModRevision || minCreateRevision || maxCreateRevision);
}

function within(item: Version, bounds: RangeOptions): boolean {
  return (
    (!bounds.minModRevision || item.modRevision >= bounds.minModRevision) &&
    (!bounds.maxModRevision || item.modRevision <= bounds.maxModRevision) &&
    (!bounds.minCreateRevision || item.createRevision >= bounds.minCreateRevision) &&
    (!bounds.maxCreateRevision || item.createRevision <= bounds.maxCreateRevision)
  );
}

function sortItems(items: Version[], { target, order }: SortOrder): void {
  if (target === 'key') {
    if (order === 'descend') items.reverse();
    return;
  }
  // Equal ones stay in the order of their keys, up or down.
  const compare = comparators[target];
  items.sort(order === 'descend' ? (a, b) => compare(b, a) : compare);
}

const comparators = {
  version: (a: Version, b: Version) => a.version - b.version,
  createRevision: (a: Version, b: Version) => a.createRevision - b.createRevision,
  modRevision: (a: Version, b: Version) => a.modRevision - b.modRevision,
  value: (a: Version, b: Version) => Buffer.compare(a.value, b.value),
} as const satisfies Record<Exclude<SortOrder['target'], 'key'>, (a: Version, b: Version) => number>;

function withoutValue({ key, createRevision, modRevision, version, leaseId }: Version): KeyValue {
  return { key, value: noBytes, createRevision, modRevision, version, leaseId };
}
