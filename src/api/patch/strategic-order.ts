/** Where `$setElementOrder` puts the elements of a merged list. */
import { isRecord } from './merge-patch.ts';

/**
 * Elements that `order` names come in its order. The others (which only the server has) keep their order among themselves, and
 * each stays before the first named element that it preceded in `before`, the list as it was.
 */
export function orderElements(
  list: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const identity = identityBy(key);
  const wanted = ranks(order.map(identity));
  const was = ranks(before.map(identity));
  const named = list.filter((element) => wanted.has(identity(element)));
  const others = list.filter((element) => !wanted.has(identity(element)));
  named.sort((a, b) => wanted.get(identity(a))! - wanted.get(identity(b))!);
  const rank = (element: unknown) => was.get(identity(element)) ?? Number.POSITIVE_INFINITY;
  others.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));

  const result: unknown[] = [];
  let next = 0;
  for (const element of named) {
    const limit = was.get(identity(element));
    while (limit !== undefined && next < others.length && rank(others[next]) < limit) result.push(others[next++]);
    result.push(element);
  }
  return [...result, ...others.slice(next)];
}

/** A patch may not contradict itself: what its list holds must stand in its order, one after the other. */
export function agreesWithOrder(list: readonly unknown[], order: readonly unknown[], key: string | undefined): boolean {
  const identity = identityBy(key);
  let at = 0;
  for (const element of list) {
    while (at < order.length && identity(order[at]) !== identity(element)) at++;
    if (at++ >= order.length) return false;
  }
  return true;
}

function identityBy(key: string | undefined): (element: unknown) => unknown {
  return (element) => (key !== undefined && isRecord(element) ? element[key] : element);
}

function ranks(identities: readonly unknown[]): Map<unknown, number> {
  return new Map(identities.map((identity, index) => [identity, index]));
}
