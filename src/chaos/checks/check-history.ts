/**
 * Judges a run by what its clients saw. Each check is independent of the others: linearizability trusts only values and times, the rest compares
 * what was told through different doors (answers, lists, watches) by revision.
 */
import { checkLinearizability, type Operation } from '../../lib/linearizability/index.ts';
import type { RecordedList, RecordedOperation, WatchedEvent } from '../types.ts';
import type { WatchLog } from '../watchers.ts';

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was looked at, or what is wrong. */
  readonly detail: string;
  /** The first few findings, for people. */
  readonly findings: readonly string[];
}

export interface RunHistory {
  readonly operations: readonly RecordedOperation[];
  readonly lists: readonly RecordedList[];
  readonly watches: readonly WatchLog[];
}

const shownFindings = 5;

export function checkHistory(history: RunHistory): CheckResult[] {
  const events = mergeEvents(history.watches);
  return [
    linearizable(history),
    realTimeOrder(history),
    acknowledgedKept(history, events.byRevision),
    nothingRefusedSeen(history, events.byRevision),
    watchesComplete(history, events),
    listsAreSnapshots(history, events.byRevision),
  ];
}

function result(name: string, findings: readonly string[], detail: string): CheckResult {
  const ok = findings.length === 0;
  const more = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return { name, ok, detail: ok ? detail : more, findings: findings.slice(0, shownFindings) };
}

/** Key by key: operations, and what each list showed of the key. */
function linearizable({ operations, lists }: RunHistory): CheckResult {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.outcome === 'refused') continue;
    const found = byKey.get(operation.key);
    if (found) found.push(operation);
    else byKey.set(operation.key, [operation]);
  }
  for (const read of readsOfLists(lists, byKey)) byKey.get(read.key)!.push(read.operation);
  const findings: string[] = [];
  let count = 0;
  for (const found of byKey.values()) {
    count += found.length;
    const verdict = checkLinearizability(found);
    if (verdict.result !== 'ok') findings.push(verdict.story);
  }
  return result('linearizable', findings, `${count} operations on ${byKey.size} keys`);
}

/** A list is a read of every key. Of a key that nobody uses yet or any more, only a list that shows it says something. */
function* readsOfLists(
  lists: readonly RecordedList[],
  byKey: ReadonlyMap<string, readonly Operation[]>,
): Iterable<{ key: string; operation: Operation }> {
  const spans = [...byKey].map(([key, found]) => ({
    key,
    firstMs: found.reduce((first, { call }) => Math.min(first, call), Number.POSITIVE_INFINITY),
    lastMs: found.reduce((last, one) => Math.max(last, one.return ?? one.call), 0),
  }));
  spans.sort((a, b) => a.firstMs - b.firstMs);
  let inUse: typeof spans = [];
  let next = 0;
  for (const { via, startMs, endMs, listing } of [...lists].sort((a, b) => a.startMs - b.startMs)) {
    for (; next < spans.length && spans[next]!.firstMs <= endMs; next++) inUse.push(spans[next]!);
    inUse = inUse.filter(({ lastMs }) => lastMs >= startMs);
    const keys = new Set(inUse.map(({ key }) => key));
    for (const key of listing.items.keys()) if (byKey.has(key)) keys.add(key);
    for (const key of keys) {
      const values = [listing.items.get(key)?.value];
      const input = { type: 'get' as const, key };
      yield { key, operation: { client: `list via ${via}`, call: startMs, return: endMs, input, output: { values } } };
    }
  }
}

/** A write gets a higher revision than everything that had been answered before it began; a list shows at least that. */
function realTimeOrder({ operations, lists }: RunHistory): CheckResult {
  const writes = operations.filter(
    (one) => one.type !== 'read' && one.outcome === 'done' && one.revision !== undefined,
  );
  const ends = [...writes].sort((a, b) => a.endMs - b.endMs);
  const later = [
    ...writes.map((one) => ({
      startMs: one.call,
      revision: one.revision!,
      what: `${one.type} of ${one.key} via ${one.via}`,
      write: true,
    })),
    ...lists.map((one) => ({
      startMs: one.startMs,
      revision: one.listing.revision,
      what: `list via ${one.via}`,
      write: false,
    })),
  ].sort((a, b) => a.startMs - b.startMs);
  const findings: string[] = [];
  let next = 0;
  let highest = 0;
  for (const { startMs, revision, what, write } of later) {
    for (; next < ends.length && ends[next]!.endMs < startMs; next++)
      highest = Math.max(highest, ends[next]!.revision!);
    if (write ? revision <= highest : revision < highest)
      findings.push(
        `${what} at ${startMs.toFixed(0)} ms has revision ${revision}; ${highest} had been answered before`,
      );
  }
  return result('revisions follow real time', findings, `${later.length} writes and lists`);
}

function acknowledgedKept({ operations, watches }: RunHistory, events: ReadonlyMap<number, WatchedEvent>): CheckResult {
  const from = Math.min(...watches.map((watch) => watch.fromRevision));
  const findings: string[] = [];
  let count = 0;
  for (const { key, type, value, outcome, output, revision } of operations) {
    if (outcome !== 'done' || type === 'read' || type === 'delete' || !output?.succeeded) continue;
    count++;
    const event = revision !== undefined && revision > from ? events.get(revision) : undefined;
    if (event?.key !== key || event.value !== value)
      findings.push(
        `${type} of ${key} = ${value} was acknowledged at revision ${revision}, where there is ${describeEvent(event)}`,
      );
  }
  return result('no acknowledged write lost', findings, `${count} acknowledged writes are in the log of events`);
}

/** What was refused, or whose condition did not hold, left no trace; and nothing happened that nobody asked for. */
function nothingRefusedSeen({ operations }: RunHistory, events: ReadonlyMap<number, WatchedEvent>): CheckResult {
  const possible = new Map<string, RecordedOperation>();
  for (const operation of operations) if (operation.value !== undefined) possible.set(operation.value, operation);
  const findings: string[] = [];
  const seen = new Set<string>();
  for (const event of events.values()) {
    if (event.value === undefined) continue;
    const by = possible.get(event.value);
    if (by?.key !== event.key) findings.push(`${describeEvent(event)}: nobody wrote that`);
    else if (by.outcome === 'refused' || (by.outcome === 'done' && !by.output?.succeeded))
      findings.push(
        `${describeEvent(event)}: its client was told that nothing was written (${by.reason ?? 'condition did not hold'})`,
      );
    if (seen.has(event.value)) findings.push(`${describeEvent(event)}: written a second time`);
    seen.add(event.value);
  }
  const refused = operations.filter((one) => one.outcome === 'refused').length;
  return result('what was refused did not happen', findings, `${refused} refused operations, ${events.size} events`);
}

interface MergedEvents {
  readonly byRevision: ReadonlyMap<number, WatchedEvent>;
  readonly revisions: readonly number[];
  readonly conflicts: readonly string[];
}

function mergeEvents(watches: readonly WatchLog[]): MergedEvents {
  const byRevision = new Map<number, WatchedEvent>();
  const conflicts: string[] = [];
  for (const { via, events } of watches) {
    for (const event of events) {
      const known = byRevision.get(event.revision);
      if (!known) byRevision.set(event.revision, event);
      else if (known.key !== event.key || known.value !== event.value)
        conflicts.push(`via ${via}: ${describeEvent(event)}, elsewhere ${describeEvent(known)}`);
    }
  }
  return { byRevision, revisions: [...byRevision.keys()].sort((a, b) => a - b), conflicts };
}

/** Every watcher saw every event once, in order, and the same as the others. */
function watchesComplete({ watches }: RunHistory, { revisions, conflicts }: MergedEvents): CheckResult {
  const findings = [...conflicts];
  for (const { via, fromRevision, events } of watches) {
    const expected = revisions.filter((revision) => revision > fromRevision);
    let previous = fromRevision;
    const seen = new Set<number>();
    for (const { revision } of events) {
      if (revision <= previous) findings.push(`via ${via}: revision ${revision} came after ${previous}`);
      previous = revision;
      seen.add(revision);
    }
    const missing = expected.filter((revision) => !seen.has(revision));
    if (missing.length > 0)
      findings.push(
        `via ${via}: ${missing.length} of ${expected.length} events are missing, the first at revision ${missing[0]}`,
      );
  }
  const resumptions = watches.reduce((sum, watch) => sum + watch.resumptions, 0);
  const detail = `${revisions.length} events, ${watches.length} watchers, resumed ${resumptions} times`;
  return result('watches complete and in order', findings, detail);
}

/** A list is the state at its revision, as the events make it. */
function listsAreSnapshots({ lists }: RunHistory, events: ReadonlyMap<number, WatchedEvent>): CheckResult {
  const ordered = [...events.values()].sort((a, b) => a.revision - b.revision);
  const state = new Map<string, string>();
  const findings: string[] = [];
  let next = 0;
  for (const { via, listing } of [...lists].sort((a, b) => a.listing.revision - b.listing.revision)) {
    for (; next < ordered.length && ordered[next]!.revision <= listing.revision; next++) {
      const { key, value } = ordered[next]!;
      if (value === undefined) state.delete(key);
      else state.set(key, value);
    }
    const differing = new Set([...state.keys(), ...listing.items.keys()]);
    for (const key of differing) {
      const [expected, found] = [state.get(key), listing.items.get(key)?.value];
      if (expected !== found)
        findings.push(
          `list via ${via} at revision ${listing.revision}: ${key} is ${found ?? 'missing'}, but was ${expected ?? 'not there'}`,
        );
    }
  }
  return result('lists are snapshots', findings, `${lists.length} lists`);
}

function describeEvent(event: WatchedEvent | undefined): string {
  if (!event) return 'no event';
  return `${event.key} ${event.value === undefined ? 'deleted' : `= ${event.value}`} at revision ${event.revision}`;
}
