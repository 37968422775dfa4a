/**
 * Watch of a collection. Kubernetes API concepts, "Efficient detection of changes" and "Streaming lists".
 *
 * The consumer pulls batches; what it has not pulled yet waits in a bounded queue, and a consumer that lets it fill up is cut off.
 */
import { setMaxListeners } from 'node:events';
import type { ResourceDefinition } from '../../api/definition.ts';
import { invalid } from '../../api/meta/field-error.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { StoreError, type WatchEvent as StoreEvent } from '../../store/types.ts';
import type { ApiCore } from '../core.ts';
import { readable, readableAll } from '../custom-resources/stored-form.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { objectFilter, type SelectorOptions } from '../object-filter.ts';
import { decodeShared, type ObjectRecord, recordOf } from '../object-record.ts';
import { awaitFreshness, type Freshness, readFreshness } from '../resource-version.ts';
import { fromStoreError } from '../store-errors.ts';
import { authorize, resolve, storageNamespace, type Target } from '../target.ts';
import type { RequestContext } from '../types.ts';

export interface WatchRequest extends SelectorOptions {
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  /** Absent or 0: {@link defaultWatchSeconds}, or up to twice that. */
  readonly timeoutSeconds?: number | undefined;
}

export type WatchRecord =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly record: ObjectRecord;
      /** Only until the filter has looked at it. */
      readonly previous?: ObjectRecord | undefined;
    }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly error: ApiError };

/** Batches in order; ends after an ERROR, at the timeout, when the context's signal aborts, or when the consumer was too slow. */
export interface WatchStream extends AsyncIterable<readonly WatchRecord[]> {
  readonly definition: ResourceDefinition;
  /** Frees everything; for a consumer that never starts to iterate. */
  close(): void;
}

/** Events that may wait for a consumer. */
export const maxQueuedEvents = 10_000;

/** A watch without timeoutSeconds ends by itself, so that watchers spread over replicas again. */
export const defaultWatchSeconds = 1_800;

export const bookmarkIntervalMs = 60_000;

/** Initial events per batch. */
const initialBatch = 500;

export async function watchObjects(
  core: ApiCore,
  context: RequestContext,
  target: Target,
  request: WatchRequest,
): Promise<WatchStream> {
  const definition = resolve(core, { ...target, name: undefined }, 'watch');
  await authorize(core, context, target, 'watch', request.fieldSelector);
  const filter = objectFilter(definition, request);
  const freshness = watchFreshness(request);
  const initial = wantsInitialEvents(request, freshness);
  await awaitFreshness(core.store, freshness, context.signal);
  const namespace = storageNamespace(definition, target);
  const name = target.name ?? filter.name;
  const single = name !== undefined && (namespace !== undefined || !definition.namespaced);
  const range = single ? { key: objectKey(definition, namespace, name) } : collectionRange(definition, namespace);
  const nameOnly =
    target.name === undefined ? undefined : (object: KubernetesObject) => object.metadata?.name === target.name;
  const matches = and(filter.matches, nameOnly);

  const queue = new WatchQueue();
  const revision = initial || freshness.kind !== 'not-older-than' ? core.store.revision : freshness.revision;
  const snapshot = initial ? core.store.range({ ...range, revision }).items : [];
  let cancelWatch: () => void;
  try {
    const watch = core.store.watch(
      { ...range, startRevision: revision + 1 },
      {
        onEvents: (events) =>
          queue.push(filter.shown ? translate(events, undefined, true) : translate(events, matches)),
        onClose: (error) => queue.end(error),
      },
    );
    cancelWatch = () => watch.cancel();
  } catch (error) {
    if (error instanceof StoreError && error.code === 'compacted') {
      // Told in the stream: clients look for it there.
      queue.push([{ type: 'ERROR', error: tooOld(revision, core.store.compactedRevision) }]);
      queue.finish();
      cancelWatch = () => undefined;
    } else throw fromStoreError(error);
  }
  const cancelTimers = startTimers(core, request, queue);
  const close = () => {
    cancelWatch();
    cancelTimers();
    queue.finish();
  };
  // One signal ends all the watches of a leader's loops: many listeners are no leak.
  if (context.signal) setMaxListeners(0, context.signal);
  context.signal?.addEventListener('abort', close, { once: true });
  if (context.signal?.aborted) close();
  // Of a kind that is no longer served like this: clients begin again.
  const ended = definition.custom?.ended;
  ended?.addEventListener('abort', close, { once: true });
  if (ended?.aborted) close();

  return {
    definition,
    close,
    async *[Symbol.asyncIterator]() {
      try {
        for (let at = 0; at < snapshot.length; at += initialBatch) {
          const records = snapshot.slice(at, at + initialBatch).map(recordOf);
          const seen = filter.shown ? await readableAll(definition, records) : records;
          const wanted = matches ? seen.filter((record) => matches(decodeShared(record))) : seen;
          if (wanted.length > 0) yield wanted.map((record): WatchRecord => ({ type: 'ADDED', record }));
          if (queue.overflowed || context.signal?.aborted) return;
        }
        if (request.sendInitialEvents && request.allowWatchBookmarks) {
          yield [{ type: 'BOOKMARK', revision, initialEventsEnd: true }];
        }
        for (;;) {
          const batch = await queue.take();
          if (!batch) return;
          const told = filter.shown && matches ? await select(definition, batch, matches) : batch;
          if (told.length > 0) yield told;
        }
      } finally {
        context.signal?.removeEventListener('abort', close);
        ended?.removeEventListener('abort', close);
        close();
      }
    },
  };
}

function watchFreshness(request: WatchRequest): Freshness {
  const { resourceVersionMatch: match = '', sendInitialEvents } = request;
  const forbid = (field: string, message: string): never => {
    throw invalid({ kind: 'ListOptions', group: 'meta.k8s.io' }, '', [
      { reason: 'FieldValueForbidden', field, message: `Forbidden: ${message}` },
    ]);
  };
  if (sendInitialEvents === undefined && match !== '') {
    forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    forbid('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  return readFreshness(request.resourceVersion);
}

/** Unset and "0" have always begun with what is there; a watch from a version has not, unless it asks. */
function wantsInitialEvents(request: WatchRequest, freshness: Freshness): boolean {
  return request.sendInitialEvents ?? freshness.kind !== 'not-older-than';
}

function startTimers(core: ApiCore, request: WatchRequest, queue: WatchQueue): () => void {
  const seconds = request.timeoutSeconds || defaultWatchSeconds * (1 + core.random());
  const bookmark = (): void => {
    // Everything up to the store's revision has been handed to the queue already: both happen in the applying turn.
    queue.push([{ type: 'BOOKMARK', revision: core.store.revision, initialEventsEnd: false }]);
  };
  const repeat = (): void => {
    bookmark();
    cancelBookmark = core.clock.setTimer(bookmarkIntervalMs, repeat);
  };
  let cancelBookmark = request.allowWatchBookmarks ? core.clock.setTimer(bookmarkIntervalMs, repeat) : () => undefined;
  const cancelTimeout = core.clock.setTimer(seconds * 1000, () => {
    if (request.allowWatchBookmarks) bookmark();
    queue.finish();
  });
  return () => {
    cancelBookmark();
    cancelTimeout();
  };
}

/** What the events mean to one who sees only what matches. */
function translate(
  events: readonly StoreEvent[],
  matches: ((object: KubernetesObject) => boolean) | undefined,
  keepPrevious = false,
): WatchRecord[] {
  const records: WatchRecord[] = [];
  for (const event of events) {
    const { current, previous } = event;
    const record = recordOf(current);
    const gone = previous && { value: previous.value, revision: current.modRevision };
    const wasIn = previous !== undefined && (!matches || matches(decodeShared(recordOf(previous))));
    const isIn = event.type === 'put' && (!matches || matches(decodeShared(record)));
    const type = wasIn ? 'MODIFIED' : 'ADDED';
    if (isIn && keepPrevious && previous) records.push({ type, record, previous: recordOf(previous) });
    else if (isIn) records.push({ type, record });
    else if (wasIn) records.push({ type: 'DELETED', record: gone! });
  }
  return records;
}

/** What a batch of all events means to one who sees only objects that look right in the version asked for. */
async function select(
  definition: ResourceDefinition,
  batch: readonly WatchRecord[],
  matches: (object: KubernetesObject) => boolean,
): Promise<WatchRecord[]> {
  const told: WatchRecord[] = [];
  for (const event of batch) {
    if (!('record' in event)) {
      told.push(event);
      continue;
    }
    const { type, previous } = event;
    const record = await readable(definition, event.record);
    const fits = matches(decodeShared(record));
    const fitted = previous !== undefined && matches(decodeShared(await readable(definition, previous)));
    if (type === 'DELETED') {
      if (fits) told.push({ type, record });
    } else if (fits) told.push({ type: fitted ? 'MODIFIED' : 'ADDED', record });
    else if (fitted)
      told.push({
        type: 'DELETED',
        record: { value: (await readable(definition, previous)).value, revision: record.revision },
      });
  }
  return told;
}

function and<T>(a: ((value: T) => boolean) | undefined, b: ((value: T) => boolean) | undefined) {
  return a && b ? (value: T) => a(value) && b(value) : (a ?? b);
}

function tooOld(revision: number, oldest: number): ApiError {
  return new ApiError('Expired', `too old resource version: ${revision} (${oldest})`);
}

class WatchQueue {
  #records: WatchRecord[] = [];
  #wake: (() => void) | undefined;
  #finished = false;
  overflowed = false;

  push(records: readonly WatchRecord[]): void {
    if (this.#finished || records.length === 0) return;
    if (this.#records.length + records.length > maxQueuedEvents) {
      // What waits is useless without what is missing: the client resumes from the last event that it saw.
      this.overflowed = true;
      this.#records = [];
      this.finish();
      return;
    }
    for (const record of records) this.#records.push(record);
    this.#wake?.();
  }

  /** What is queued is still delivered. */
  end(error: StoreError): void {
    if (error.code !== 'slow') {
      const told = fromStoreError(error);
      if (told instanceof ApiError) this.push([{ type: 'ERROR', error: told }]);
    }
    this.finish();
  }

  finish(): void {
    this.#finished = true;
    this.#wake?.();
  }

  /** Undefined at the end. */
  async take(): Promise<readonly WatchRecord[] | undefined> {
    if (this.#records.length === 0 && !this.#finished) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#records.length === 0) return undefined;
    const batch = this.#records;
    this.#records = [];
    return batch;
  }
}
