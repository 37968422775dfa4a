/**
 * Who watches what. A watch first catches up with history in slices, one per turn of the event loop, and then joins the live ones,
 * which get each applied batch as one call with events that all watches of the same range share. Invariant: a watch sees every event
 * of its range from its start on, once and in order, until it is cancelled or closed.
 */
import { covers } from './command.ts';
import { EventRing } from './event-ring.ts';
import { isTombstone } from './key-history.ts';
import { maxCatchUpEvents, maxRecentEvents, maxWatches } from './limits.ts';
import { firstRevision, type State } from './state.ts';
import type { Watch, WatchEvent, WatchHandlers, WatchRequest } from './types.ts';
import { StoreError } from './types.ts';
import { type WatcherGroup, WatcherIndex } from './watcher-index.ts';

interface Watcher {
  readonly request: WatchRequest;
  readonly handlers: WatchHandlers;
  /** The first revision that it has not seen. */
  nextRevision: number;
  ended: boolean;
  live: boolean;
}

export class WatchHub {
  #state: State;
  readonly #watchers = new Set<Watcher>();
  readonly #live = new WatcherIndex<Watcher>();
  readonly #recent: EventRing;
  #batch: WatchEvent[] = [];

  constructor(state: State) {
    this.#state = state;
    this.#recent = new EventRing(maxRecentEvents, state.revision);
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** An event was applied; watchers hear of it at the end of the batch. */
  record(event: WatchEvent): void {
    this.#batch.push(event);
    this.#recent.push(event);
  }

  /** Ends a batch: every live watch gets its part of it. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    const parts = new Map<WatcherGroup<Watcher>, WatchEvent[]>();
    for (const event of batch) {
      this.#live.forEachGroup(event.current.key, (group) => {
        const part = parts.get(group);
        if (part) part.push(event);
        else parts.set(group, [event]);
      });
    }
    const revision = batch.at(-1)!.current.modRevision;
    for (const [group, events] of parts) {
      // A handler may cancel any watch, or begin one.
      for (const watcher of [...group.watchers]) if (!watcher.ended) deliver(watcher, events, revision);
    }
  }

  watch(request: WatchRequest, handlers: WatchHandlers): Watch {
    const nextRevision = request.startRevision ?? this.#state.revision + 1;
    this.#checkNotCompacted(nextRevision);
    if (this.#watchers.size >= maxWatches)
      throw new StoreError('unavailable', `${maxWatches} watches are open, which is the limit`);
    const watcher: Watcher = { request, handlers, nextRevision, ended: false, live: false };
    this.#watchers.add(watcher);
    if (nextRevision > this.#state.revision) this.#goLive(watcher);
    else this.#catchUp(watcher);
    return { cancel: () => this.#end(watcher) };
  }

  /** The state was replaced by a later one of the same log; its history tells watches what they missed. */
  restored(state: State): void {
    this.flush();
    const seenRevision = this.#state.revision;
    this.#state = state;
    this.#recent.reset(state.revision);
    for (const watcher of [...this.#watchers]) {
      // The others are catching up and see for themselves when what they hold is used up.
      if (!watcher.live) continue;
      watcher.nextRevision = Math.max(watcher.nextRevision, seenRevision + 1);
      if (watcher.nextRevision > state.revision) continue;
      this.#live.delete(watcher.request, watcher);
      watcher.live = false;
      this.#catchUp(watcher);
    }
  }

  #catchUp(watcher: Watcher): void {
    let backlog: WatchEvent[] = [];
    let position = 0;
    let backlogRevision = watcher.nextRevision - 1;
    const step = (): void => {
      if (watcher.ended) return;
      if (position === backlog.length) {
        watcher.nextRevision = backlogRevision + 1;
        if (this.#closeIfCompacted(watcher)) return;
        backlog = this.#history(watcher);
        position = 0;
        backlogRevision = this.#state.revision;
      }
      if (position < backlog.length) {
        const start = position;
        position = sliceEnd(backlog, start);
        const last = position === backlog.length ? backlogRevision : backlog[position - 1]!.current.modRevision;
        deliver(watcher, backlog.slice(start, position), last);
        if (watcher.ended) return;
      }
      if (position < backlog.length || backlogRevision < this.#state.revision) setImmediate(step);
      else {
        watcher.nextRevision = backlogRevision + 1;
        this.#goLive(watcher);
      }
    };
    setImmediate(step);
  }

  #history(watcher: Watcher): WatchEvent[] {
    const { request, nextRevision } = watcher;
    const recent = this.#recent.since(nextRevision);
    if (recent) return recent.filter((event) => covers(request, event.current.key));
    const events: WatchEvent[] = [];
    this.#state.forEachVersion(request, (current, before) => {
      if (current.modRevision < nextRevision) return;
      const previous = before && !isTombstone(before) ? before : undefined;
      events.push({ type: isTombstone(current) ? 'delete' : 'put', current, previous });
    });
    return events.sort((a, b) => a.current.modRevision - b.current.modRevision);
  }

  #goLive(watcher: Watcher): void {
    watcher.live = true;
    this.#live.add(watcher.request, watcher);
  }

  #end(watcher: Watcher): void {
    if (watcher.ended) return;
    watcher.ended = true;
    this.#watchers.delete(watcher);
    if (watcher.live) this.#live.delete(watcher.request, watcher);
  }

  #closeIfCompacted(watcher: Watcher): boolean {
    try {
      this.#checkNotCompacted(watcher.nextRevision);
      return false;
    } catch (error) {
      this.#end(watcher);
      watcher.handlers.onClose(error as StoreError);
      return true;
    }
  }

  #checkNotCompacted(nextRevision: number): void {
    const { compactedRevision } = this.#state;
    if (nextRevision <= compactedRevision && compactedRevision > firstRevision)
      throw new StoreError(
        'compacted',
        `revision ${nextRevision} cannot be watched: everything up to ${compactedRevision} was compacted`,
      );
  }
}

/** Calls the watcher with those of `events` that it has not seen. */
function deliver(watcher: Watcher, events: readonly WatchEvent[], revision: number): void {
  const { nextRevision } = watcher;
  if (revision < nextRevision) return;
  const unseen =
    events[0]!.current.modRevision >= nextRevision
      ? events
      : events.filter((event) => event.current.modRevision >= nextRevision);
  watcher.nextRevision = revision + 1;
  if (unseen.length > 0) watcher.handlers.onEvents(unseen, revision);
}

/** Where the slice of `events` that begins at `start` ends: after at least one whole revision. */
function sliceEnd(events: readonly WatchEvent[], start: number): number {
  let end = Math.min(start + maxCatchUpEvents, events.length);
  while (end < events.length && events[end]!.current.modRevision === events[end - 1]!.current.modRevision) end++;
  return end;
}
