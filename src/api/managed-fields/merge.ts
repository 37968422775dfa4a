/** An applied configuration merged into the live object. What the configuration does not speak of stays; deleting is `remove.ts`. */
import { setOwn } from '../patch/merge-patch.ts';
import { type FieldType, type ListType, type MapType, typeOfValue } from './field-type.ts';
import { itemElement } from './path-element.ts';
import { asList, asMap, hasKeys, type JsonMap, memberOf } from './values.ts';

/** The result shares parts with both; neither is changed. */
export function mergeApplied(type: FieldType, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const actual = typeOfValue(type, applied === null ? live : applied);
  const other = typeOfValue(type, live === null ? applied : live);
  if (actual.kind !== other.kind) return applied;
  if (actual.kind === 'map' && !actual.atomic) return mergeMaps(actual, live, applied);
  if (actual.kind === 'list' && actual.mode !== 'atomic') {
    const left = asList(live);
    const right = asList(applied);
    return left.length === 0 && right.length === 0 ? applied : mergeLists(actual, left, right);
  }
  return applied;
}

function mergeMaps(type: MapType, live: unknown, applied: unknown): unknown {
  const left = asMap(live);
  const right = asMap(applied);
  if (!hasKeys(left) && !hasKeys(right)) return applied;
  const result: Record<string, unknown> = { ...left };
  for (const key in right) {
    const inner = type.fields.get(key)?.type ?? type.element;
    if (inner) setOwn(result, key, mergeApplied(inner, memberOf(left, key), right[key]));
  }
  return result satisfies JsonMap;
}

/**
 * The items of both, each once. Those of `applied` stand in its order; those that only `live` has keep their place relative to the
 * shared ones before them, ahead of what is new.
 */
function mergeLists(type: ListType, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const left = keyed(type, live);
  const right = keyed(type, applied);
  const inLive = new Map<string, unknown>();
  // What is there twice is not merged with, but replaced.
  for (const { element, item } of left) inLive.set(element, inLive.has(element) ? undefined : item);
  const inApplied = new Set(right.map(({ element }) => element));
  const shared = right.map(({ element }) => element).filter((element) => inLive.has(element));
  const result: unknown[] = [];
  const done = new Set<string>();
  let nextShared = 0;
  let at = 0;
  const take = ({ element, item }: Keyed): void => {
    done.add(element);
    result.push(mergeApplied(type.element, inLive.get(element), item));
    if (shared[nextShared] === element) nextShared++;
  };
  let taken = 0;
  while (at < left.length || taken < right.length) {
    const mine = left[at];
    const theirs = right[taken];
    if (mine && theirs && mine.element === theirs.element) {
      take(theirs);
      at++;
      taken++;
    } else if (mine && !inApplied.has(mine.element)) {
      result.push(mine.item);
      at++;
    } else if (mine && (done.has(mine.element) || (theirs && shared[nextShared] !== mine.element))) {
      // Shared, but it stands elsewhere in what is applied.
      at++;
    } else if (theirs) {
      take(theirs);
      taken++;
    } else {
      at++;
    }
  }
  return result;
}

interface Keyed {
  readonly element: string;
  readonly item: unknown;
}

function keyed(type: ListType, list: readonly unknown[]): Keyed[] {
  const result: Keyed[] = [];
  for (const item of list) {
    const element = itemElement(type, item);
    if (element !== undefined) result.push({ element, item });
  }
  return result;
}
