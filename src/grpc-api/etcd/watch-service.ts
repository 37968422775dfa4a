/**
 * etcdserverpb.Watch: many watches on one stream. A client that does not read stops its watches, which go on from history later, so that
 * a slow one costs no memory. Events are encoded once, whoever watches them.
 */

import { type Call, type Method, ProtoWriter } from '../../lib/lean-grpc/index.ts';
import {
  allocateEncodingSlot,
  type Store,
  StoreError,
  type Watch,
  type WatchBatch,
  type WatchEvent,
} from '../../store/types.ts';
import { readWatchCommand, type WatchCommand, writeEvent } from './codec.ts';
import type { HeaderSource } from './header.ts';
import { type LeaderSource, requireLeader } from './leader-watch.ts';
import { maxRequestBytes, maxWatchesPerStream } from './limits.ts';

const noWatchId = -1;
const encodingSlots = { plain: allocateEncodingSlot(), withPrevious: allocateEncodingSlot() };
const compactedReason = 'etcdserver: mvcc: required revision has been compacted';

type CreateCommand = Extract<WatchCommand, { type: 'create' }>;

interface OpenWatch {
  readonly id: number;
  readonly request: CreateCommand;
  watch: Watch | undefined;
}

export function watchMethods(store: Store, header: HeaderSource, leader: LeaderSource): [string, Method][] {
  return [
    [
      '/etcdserverpb.Watch/Watch',
      {
        kind: 'stream',
        handle(call) {
          requireLeader(call, leader);
          new WatchStream(store, header, call);
        },
      },
    ],
  ];
}

const writer = new ProtoWriter();
const eventWriter = new ProtoWriter();

class WatchStream {
  readonly #store: Store;
  readonly #header: HeaderSource;
  readonly #call: Call;
  readonly #watches = new Map<number, OpenWatch>();
  #nextId = 0;
  #full = false;
  /** A progress request that not all watches have answered yet. */
  #progress: { readonly missing: Set<number>; revision: number } | undefined;

  constructor(store: Store, header: HeaderSource, call: Call) {
    this.#store = store;
    this.#header = header;
    this.#call = call;
    call.onMessage = (message) => this.#command(message);
    call.onHalfClose = () => {
      this.#closeAll();
      call.end();
    };
    call.onCancel = () => this.#closeAll();
    call.onDrain = () => this.#setFull(false);
  }

  #command(message: Uint8Array): void {
    const command = readWatchCommand(message);
    if (command?.type === 'create') this.#create(command);
    else if (command?.type === 'cancel') this.#cancel(command.watchId);
    else if (command?.type === 'progress') this.#requestProgress();
  }

  #create(request: CreateCommand): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#control({ watchId: noWatchId, created: true, canceled: true, reason: refusal });
      return;
    }
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    const open: OpenWatch = { id, request, watch: undefined };
    this.#watches.set(id, open);
    this.#control({ watchId: id, created: true });
    this.#start(open);
  }

  #refusal({ startRevision, range, watchId }: CreateCommand): string | undefined {
    if (startRevision < 0) return compactedReason;
    if (range.end !== undefined && range.end !== '' && range.end <= range.key) return 'mvcc: watcher range is empty';
    if (watchId !== 0 && this.#watches.has(watchId)) return 'mvcc: duplicate watch ID provided on the WatchStream';
    if (this.#watches.size >= maxWatchesPerStream)
      return `etcdserver: too many watches: this stream has ${maxWatchesPerStream}; open another stream`;
    return undefined;
  }

  #start(open: OpenWatch): void {
    const { request } = open;
    try {
      open.watch = this.#store.watch(
        {
          ...request.range,
          startRevision: request.startRevision === 0 ? undefined : request.startRevision,
          filters: request.filters,
          progressNotify: request.progressNotify,
        },
        {
          onEvents: (events, revision, batch) => this.#events(open, events, revision, batch),
          onProgress: (revision) => this.#progressed(open, revision),
          onClose: (error) => this.#closed(open, error),
        },
      );
      if (this.#full) open.watch.pause();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#closed(open, error);
    }
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: number): void {
    const open = this.#watches.get(id);
    if (!open) return;
    this.#forget(open);
    open.watch?.cancel();
    this.#control({ watchId: id, canceled: true });
  }

  #requestProgress(): void {
    this.#progress = { missing: new Set(this.#watches.keys()), revision: this.#store.revision };
    if (this.#watches.size === 0) this.#tellProgress();
    else for (const { watch } of [...this.#watches.values()]) watch?.requestProgress();
  }

  #progressed({ id, request }: OpenWatch, revision: number): void {
    const progress = this.#progress;
    if (progress?.missing.delete(id)) {
      progress.revision = Math.min(Math.max(progress.revision, revision), revision);
      if (progress.missing.size === 0) this.#tellProgress();
    } else if (request.progressNotify) this.#control({ watchId: id, revision });
  }

  #tellProgress(): void {
    const revision = this.#progress!.revision;
    this.#progress = undefined;
    this.#control({ watchId: noWatchId, revision });
  }

  #events(open: OpenWatch, events: readonly WatchEvent[], revision: number, batch: WatchBatch): void {
    const { id, request } = open;
    const encoded = encodedEvents(events, batch, request.previous);
    const total = encoded.reduce((sum, one) => sum + one.length, 0);
    if (!request.fragment || total < maxRequestBytes || events.length < 2) {
      this.#sendEvents(id, revision, encoded, false);
      return;
    }
    let start = 0;
    while (start < encoded.length) {
      let end = start + 1;
      let bytes = encoded[start]!.length;
      while (end < encoded.length && bytes + encoded[end]!.length < maxRequestBytes) bytes += encoded[end++]!.length;
      this.#sendEvents(id, revision, encoded.slice(start, end), end < encoded.length);
      start = end;
    }
  }

  #sendEvents(id: number, revision: number, events: readonly Uint8Array[], fragment: boolean): void {
    this.#header.write(writer.begin(), revision);
    writer.number(2, id);
    writer.bool(7, fragment);
    for (const event of events) writer.raw(event);
    this.#send(writer.finish());
  }

  #closed(open: OpenWatch, error: StoreError): void {
    this.#forget(open);
    const compacted = error.code === 'compacted' || error.code === 'slow';
    this.#control({
      watchId: open.id,
      canceled: true,
      ...(compacted
        ? { compactRevision: error.resumeRevision ?? this.#store.compactedRevision }
        : { reason: `etcdserver: ${error.message}` }),
    });
  }

  #forget({ id }: OpenWatch): void {
    this.#watches.delete(id);
    if (this.#progress?.missing.delete(id) && this.#progress.missing.size === 0) this.#tellProgress();
  }

  #control(message: {
    watchId: number;
    created?: boolean;
    canceled?: boolean;
    compactRevision?: number;
    reason?: string;
    revision?: number;
  }): void {
    this.#header.write(writer.begin(), message.revision ?? this.#store.revision);
    writer.number(2, message.watchId);
    writer.bool(3, message.created ?? false);
    writer.bool(4, message.canceled ?? false);
    writer.number(5, message.compactRevision ?? 0);
    writer.text(6, message.reason ?? '');
    this.#send(writer.finish());
  }

  #send(bytes: Uint8Array): void {
    if (!this.#call.send(bytes)) this.#setFull(true);
  }

  #setFull(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    // The other side's commands wait too: their answers would pile up.
    if (full) this.#call.pause();
    for (const { watch } of this.#watches.values()) {
      if (full) watch?.pause();
      else watch?.resume();
    }
    if (!full) this.#call.resume();
  }

  #closeAll(): void {
    for (const { watch } of this.#watches.values()) watch?.cancel();
    this.#watches.clear();
    this.#progress = undefined;
  }
}

/** Each event as field 11 of an answer; made once for all watches of the batch. */
function encodedEvents(events: readonly WatchEvent[], batch: WatchBatch, withPrevious: boolean): readonly Uint8Array[] {
  const slot = withPrevious ? encodingSlots.withPrevious : encodingSlots.plain;
  const known = batch.encodings[slot] as readonly Uint8Array[] | undefined;
  if (known && batch.events === events) return known;
  const encoded = events.map((event) => {
    writeEvent(eventWriter.begin(), event, withPrevious);
    return Buffer.from(eventWriter.finish());
  });
  if (batch.events === events) batch.encodings[slot] = encoded;
  return encoded;
}
