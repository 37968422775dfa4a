/**
 * Who watches what. A watch first catches up with history in slices, one per turn of the event loop, and then joins the live ones,
 * which get each applied batch as one call with events that all watches of the same range share. A watch that is paused, because its consumer
 * cannot take more, leaves the live ones and catches up later: it costs no memory meanwhile, and ends if compaction overtakes it. Invariant:
 * a watch sees every event of its range from its start on, once and in order, until it is cancelled or closed.
 */
import { type Clock, systemClock } from '../lib/clock.ts';
import { covers } from './command.ts';
import { maxCatchUpEvents, maxCatchUpVersions, maxWatches, progressIntervalMs } from './limits.ts';
import { RevisionLog } from './revision-log.ts';
import { firstRevision, type State } from './state.ts';
import type { AppliedEvent } from './transaction.ts';
import type { Watch, WatchBatch, WatchEvent, WatchHandlers, WatchRequest } from './types.ts';
import { StoreError } from './types.ts';
import { isTombstone, type Version } from './version.ts';
import { type WatcherGroup, WatcherIndex } from './watcher-index.ts';

interface Watcher {
  readonly request: WatchRequest;
  readonly handlers: WatchHandlers;
  /** The first revision that it has not seen. */
  nextRevision: number;
  phase: 'catching-up' | 'live' | 'paused' | 'ended';
  /** Its next slice of history has its turn already. */
  scheduled: boolean;
  progressWanted: boolean;
  /** When it was last told anything. */
  toldAtMs: number;
  cancelTimer: (() => void) | undefined;
}

export class WatchHub {
  #state: State;
  readonly #clock: Clock;
  readonly #watchers = new Set<Watcher>();
  readonly #live = new WatcherIndex<Watcher>();
  readonly #log = new RevisionLog();
  #batch: WatchEvent[] = [];
  #flushing = false;
  #compactedRevision = firstRevision;
  /** Every live watch has been told everything up to here. */
  #toldRevision: number;
  readonly #progress = new Set<Watcher>();

  constructor(state: State, clock: Clock = systemClock) {
    this.#state = state;
    this.#clock = clock;
    this.#toldRevision = state.revision;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** An event was applied; watchers hear of it at the end of the batch. */
  record(event: AppliedEvent): void {
    this.#batch.push(event);
    this.#log.push(event.current);
  }

  /** Ends a batch: every live watch gets its part of it. */
  flush(): void {
    this.#noticeCompaction();
    if (this.#batch.length > 0) {
      this.#flushing = true;
      this.#tellLive();
      this.#flushing = false;
    }
    this.#toldRevision = this.#state.revision;
    this.#tellProgress();
  }

  watch(request: WatchRequest, handlers: WatchHandlers): Watch {
    const nextRevision = request.startRevision ?? this.#state.revision + 1;
    this.#checkNotCompacted(nextRevision, 'compacted');
    if (this.#watchers.size >= maxWatches)
      throw new StoreError('unavailable', `${maxWatches} watches are open, which is the limit`);
    const watcher: Watcher = {
      request,
      handlers,
      nextRevision,
      phase: 'catching-up',
      scheduled: false,
      progressWanted: false,
      toldAtMs: this.#clock.monotonicMs(),
      cancelTimer: undefined,
    };
    this.#watchers.add(watcher);
    if (nextRevision > this.#state.revision) this.#goLive(watcher);
    else this.#schedule(watcher);
    if (request.progressNotify) this.#startTimer(watcher);
    return {
      cancel: () => this.#end(watcher),
      pause: () => this.#pause(watcher),
      resume: () => this.#resume(watcher),
      requestProgress: () => this.#requestProgress(watcher),
      nextRevision: () => (watcher.phase === 'live' ? this.#nextOfLive(watcher) : watcher.nextRevision),
    };
  }

  /** The state was replaced by a later one of the same log; its history tells watches what they missed. */
  restored(state: State): void {
    this.flush();
    const seenRevision = this.#state.revision;
    this.#state = state;
    this.#log.rebuild(state);
    for (const watcher of [...this.#watchers]) {
      // The others see for themselves, when it is their turn.
      if (watcher.phase !== 'live') continue;
      watcher.nextRevision = Math.max(watcher.nextRevision, seenRevision + 1);
      if (watcher.nextRevision > state.revision) continue;
      this.#live.delete(watcher.request, watcher);
      watcher.phase = 'catching-up';
      this.#schedule(watcher);
    }
    this.#toldRevision = state.revision;
    this.#noticeCompaction();
  }

  #tellLive(): void {
    const batch = this.#batch;
    this.#batch = [];
    const parts = new Map<WatcherGroup<Watcher>, WatchEvent[]>();
    for (const event of batch) {
      this.#live.forEachGroup(event.current.key, (group) => {
        if (!passes(group.filters, event)) return;
        const part = parts.get(group);
        if (part) part.push(event);
        else parts.set(group, [event]);
      });
    }
    const revision = batch.at(-1)!.current.modRevision;
    for (const [group, events] of parts) {
      const shared: WatchBatch = { events, revision, encodings: [] };
      // A handler may cancel or pause any watch, or begin one.
      for (const watcher of [...group.watchers]) if (watcher.phase === 'live') this.#deliver(watcher, shared);
    }
  }

  /** Calls the watcher with those of the events that it has not seen. */
  #deliver(watcher: Watcher, batch: WatchBatch): void {
    const { nextRevision } = watcher;
    if (batch.revision < nextRevision) return;
    watcher.nextRevision = batch.revision + 1;
    let told = batch;
    if (batch.events[0]!.current.modRevision < nextRevision) {
      const events = batch.events.filter((event) => event.current.modRevision >= nextRevision);
      told = { events, revision: batch.revision, encodings: [] };
    }
    if (told.events.length === 0) return;
    watcher.toldAtMs = this.#clock.monotonicMs();
    watcher.handlers.onEvents(told.events, told.revision, told);
  }

  #schedule(watcher: Watcher): void {
    if (watcher.scheduled) return;
    watcher.scheduled = true;
    setImmediate(() => {
      watcher.scheduled = false;
      this.#catchUp(watcher);
    });
  }

  /** One slice of history. */
  #catchUp(watcher: Watcher): void {
    if (watcher.phase !== 'catching-up') return;
    if (this.#closeIfCompacted(watcher, 'compacted')) return;
    const { events, nextRevision } =
      watcher.request.end === undefined ? this.#historyOfKey(watcher) : this.#historyOfRange(watcher);
    if (events.length > 0) this.#deliver(watcher, { events, revision: nextRevision - 1, encodings: [] });
    // The handler may have paused or ended it.
    watcher.nextRevision = Math.max(watcher.nextRevision, nextRevision);
    if ((watcher as Watcher).phase !== 'catching-up') return;
    if (watcher.nextRevision > this.#state.revision) this.#goLive(watcher);
    else this.#schedule(watcher);
  }

  #historyOfRange({ request, nextRevision: from }: Watcher): { events: WatchEvent[]; nextRevision: number } {
    const events: WatchEvent[] = [];
    let place = this.#log.placeOf(from);
    const lastPlace = place + maxCatchUpVersions;
    let revision = 0;
    for (; ; place++) {
      const version = this.#log.at(place);
      if (!version) return { events, nextRevision: this.#state.revision + 1 };
      const isFull = events.length >= maxCatchUpEvents || place >= lastPlace;
      // A revision is never cut in two.
      if (isFull && version.modRevision !== revision) return { events, nextRevision: version.modRevision };
      revision = version.modRevision;
      if (!covers(request, version.key)) continue;
      const event = eventOf(version, this.#state.before(version));
      if (passes(request.filters, event)) events.push(event);
    }
  }

  /** All that is left of one key's history; there is not more of it than compaction leaves. */
  #historyOfKey({ request, nextRevision: from }: Watcher): { events: WatchEvent[]; nextRevision: number } {
    const events: WatchEvent[] = [];
    let nextRevision = this.#state.revision + 1;
    this.#state.forEachVersion({ key: request.key }, (version, previous) => {
      if (version.modRevision < from || version.modRevision >= nextRevision) return;
      const isFull = events.length >= maxCatchUpEvents;
      if (isFull && version.modRevision !== events.at(-1)!.current.modRevision) {
        nextRevision = version.modRevision;
        return;
      }
      const event = eventOf(version, previous);
      if (passes(request.filters, event)) events.push(event);
    });
    return { events, nextRevision };
  }

  #goLive(watcher: Watcher): void {
    watcher.phase = 'live';
    this.#live.add(watcher.request, watcher);
    if (watcher.progressWanted) this.#requestProgress(watcher);
  }

  /** What a live watch was not told since its last event was not of its range. */
  #nextOfLive(watcher: Watcher): number {
    return Math.max(watcher.nextRevision, this.#toldRevision + 1);
  }

  #pause(watcher: Watcher): void {
    if (watcher.phase === 'ended' || watcher.phase === 'paused') return;
    if (watcher.phase === 'live') {
      this.#live.delete(watcher.request, watcher);
      watcher.nextRevision = this.#nextOfLive(watcher);
    }
    watcher.phase = 'paused';
  }

  #resume(watcher: Watcher): void {
    if (watcher.phase !== 'paused') return;
    watcher.phase = 'catching-up';
    this.#schedule(watcher);
  }

  #end(watcher: Watcher): void {
    if (watcher.phase === 'ended') return;
    if (watcher.phase === 'live') this.#live.delete(watcher.request, watcher);
    watcher.phase = 'ended';
    this.#watchers.delete(watcher);
    this.#progress.delete(watcher);
    watcher.cancelTimer?.();
  }

  // --- progress ---

  #requestProgress(watcher: Watcher): void {
    if (watcher.phase === 'ended') return;
    watcher.progressWanted = true;
    if (watcher.phase !== 'live') return;
    this.#progress.add(watcher);
    if (!this.#flushing && this.#batch.length === 0) this.#tellProgress();
  }

  /** To be called when nothing is left of a batch: then the live watches have been told everything. */
  #tellProgress(): void {
    if (this.#progress.size === 0 || this.#flushing) return;
    const wanting = [...this.#progress];
    this.#progress.clear();
    for (const watcher of wanting) {
      // One that was paused meanwhile is told when it is live again.
      if (watcher.phase !== 'live') continue;
      watcher.progressWanted = false;
      watcher.toldAtMs = this.#clock.monotonicMs();
      watcher.handlers.onProgress?.(this.#state.revision);
    }
  }

  #startTimer(watcher: Watcher): void {
    const sleep = (): void => {
      const dueMs = watcher.toldAtMs + progressIntervalMs - this.#clock.monotonicMs();
      if (dueMs <= 0) this.#requestProgress(watcher);
      watcher.cancelTimer = this.#clock.setTimer(dueMs > 0 ? dueMs : progressIntervalMs, sleep);
    };
    sleep();
  }

  // --- compaction ---

  #noticeCompaction(): void {
    const { compactedRevision } = this.#state;
    if (compactedRevision === this.#compactedRevision) return;
    this.#compactedRevision = compactedRevision;
    this.#log.forgetBefore(compactedRevision + 1);
    for (const watcher of [...this.#watchers]) if (watcher.phase === 'paused') this.#closeIfCompacted(watcher, 'slow');
  }

  #closeIfCompacted(watcher: Watcher, code: 'compacted' | 'slow'): boolean {
    try {
      this.#checkNotCompacted(watcher.nextRevision, code);
      return false;
    } catch (error) {
      this.#end(watcher);
      watcher.handlers.onClose(error as StoreError);
      return true;
    }
  }

  #checkNotCompacted(nextRevision: number, code: 'compacted' | 'slow'): void {
    const { compactedRevision } = this.#state;
    if (nextRevision <= compactedRevision && compactedRevision > firstRevision)
      throw new StoreError(
        code,
        `revision ${nextRevision} cannot be watched: everything up to ${compactedRevision} was compacted`,
        { resumeRevision: compactedRevision + 1 },
      );
  }
}

function eventOf(current: Version, before: Version | undefined): WatchEvent {
  const previous = before && !isTombstone(before) ? before : undefined;
  return { type: isTombstone(current) ? 'delete' : 'put', current, previous };
}

function passes(filters: WatchRequest['filters'], event: WatchEvent): boolean {
  return !filters || !(event.type === 'put' ? filters.noPut : filters.noDelete);
}
