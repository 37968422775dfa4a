/**
 * The store: a multi-version key-value map over one revision sequence, replicated through a `Proposer`.
 *
 * Keys are *byte strings*: JavaScript strings whose code units are bytes (0 to 255, "latin1"), so that any binary key fits and
 * string order is byte order. Values are opaque bytes; whoever gets one must not change it. Revisions start at 1 (empty store) and move by one
 * per transaction that writes, as in etcd. All reads are of this replica's memory and synchronous.
 */

/** `value` may be a getter: take it from the object, do not spread or clone the object. */
export interface KeyValue {
  readonly key: string;
  /** The same array at every access, so that it can be the key of a cache. */
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 when created, one more per put. */
  readonly version: number;
  /** The lease that the key ends with; undefined for none. */
  readonly leaseId?: bigint | undefined;
}

/** A range is [key, end). `end` undefined: only `key`. `end` '' : everything from `key` on. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string | undefined;
}

export type CompareOperator = '=' | '!=' | '<' | '>';

/** Holds for every key of the range. A missing key has version, createRevision, modRevision and lease 0 and no value. */
export type Compare = KeyRange &
  (
    | {
        readonly target: 'version' | 'createRevision' | 'modRevision';
        readonly operator: CompareOperator;
        readonly operand: number;
      }
    | { readonly target: 'value'; readonly operator: CompareOperator; readonly operand: Uint8Array }
    | { readonly target: 'lease'; readonly operator: CompareOperator; readonly operand: bigint }
  );

export interface PutOperation {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  /** Return what the key was before. */
  readonly previous?: boolean | undefined;
  /** Attach the key to this lease; undefined or 0: to none. Error `lease-not-found`. */
  readonly leaseId?: bigint | undefined;
  /** Keep the value that is there (`value` must be empty). Error `key-not-found`. */
  readonly ignoreValue?: boolean | undefined;
  /** Keep the lease that is there (`leaseId` must be absent). Error `key-not-found`. */
  readonly ignoreLease?: boolean | undefined;
}

export interface DeleteOperation extends KeyRange {
  readonly type: 'delete';
  /** Return what was deleted. */
  readonly previous?: boolean | undefined;
}

export interface SortOrder {
  readonly target: 'key' | 'version' | 'createRevision' | 'modRevision' | 'value';
  /** 'none': in the order of keys; with another target ascending, but after the limit was taken (etcd's way). */
  readonly order: 'none' | 'ascend' | 'descend';
}

export interface RangeOptions {
  /** Default: the current revision (in a transaction: with what it wrote so far). */
  readonly revision?: number | undefined;
  /** 0 or undefined: no limit. */
  readonly limit?: number | undefined;
  readonly sort?: SortOrder | undefined;
  /** Values come back empty. */
  readonly keysOnly?: boolean | undefined;
  /** Only `count` is told. */
  readonly countOnly?: boolean | undefined;
  /** Bounds, themselves included; 0 or undefined: none. `count` does not regard them. */
  readonly minModRevision?: number | undefined;
  readonly maxModRevision?: number | undefined;
  readonly minCreateRevision?: number | undefined;
  readonly maxCreateRevision?: number | undefined;
}

export interface RangeOperation extends KeyRange, RangeOptions {
  readonly type: 'range';
}

export type Operation =
  | PutOperation
  | DeleteOperation
  | RangeOperation
  | { readonly type: 'transaction'; readonly transaction: Transaction };

/**
 * Decided where it stands in the log: if every compare holds, `success` runs, else `failure`. Compares of nested transactions are decided
 * before anything is written. A key may be put once (error `duplicate-key`); ranges see what was written before them.
 */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[] | undefined;
}

export interface RangeAnswer {
  readonly items: readonly KeyValue[];
  /** More keys of the range follow the limit. */
  readonly more: boolean;
  /** Keys of the range in all; limit and bounds ignored. */
  readonly count: number;
}

export type OperationResult =
  | { readonly type: 'put'; readonly previous?: KeyValue | undefined }
  | { readonly type: 'delete'; readonly deleted: number; readonly previous?: readonly KeyValue[] | undefined }
  | ({ readonly type: 'range' } & RangeAnswer)
  | { readonly type: 'transaction'; readonly succeeded: boolean; readonly results: readonly OperationResult[] };

export interface TransactionResult {
  readonly succeeded: boolean;
  /** The store's revision after the transaction: that of its writes, if it wrote. */
  readonly revision: number;
  readonly results: readonly OperationResult[];
}

export interface RangeRequest extends KeyRange, RangeOptions {}

export interface RangeResult extends RangeAnswer {
  /** The revision that was read. */
  readonly revision: number;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete: key and the deletion's revision as `modRevision`, with an empty value. */
  readonly current: KeyValue;
  /** Undefined for a key that was created. */
  readonly previous: KeyValue | undefined;
}

export interface WatchFilters {
  readonly noPut?: boolean | undefined;
  readonly noDelete?: boolean | undefined;
}

export interface WatchRequest extends KeyRange {
  /** First revision to see. Default: the next one. */
  readonly startRevision?: number | undefined;
  readonly filters?: WatchFilters | undefined;
  /** Call `onProgress` by itself after {@link progressIntervalMs} without an event. */
  readonly progressNotify?: boolean | undefined;
}

/** One call's worth of events, the same object for every watch of the same range and filters. */
export interface WatchBatch {
  readonly events: readonly WatchEvent[];
  /** Everything of the watch's range up to here has been told. */
  readonly revision: number;
  /**
   * A place where users of the store keep what they made of the batch, so that it is encoded once for all watches: by a number
   * that each user takes with `allocateEncodingSlot`.
   */
  readonly encodings: unknown[];
}

export interface WatchHandlers {
  /**
   * Events of one or more whole revisions, in order. Called from the applying turn of the event loop: must not throw, must be quick, and must
   * not queue without bound: who cannot take more calls `watch.pause()`.
   */
  onEvents(events: readonly WatchEvent[], revision: number, batch: WatchBatch): void;
  /** Everything up to `revision` has been told. Only when the watch is in step with the store. */
  onProgress?(revision: number): void;
  /**
   * The watch has ended and nothing follows: history was compacted under it (`compacted`; `slow` if it was paused), or the state was replaced by a
   * snapshot without its history. `error.resumeRevision` is the first revision that can be watched.
   */
  onClose(error: StoreError): void;
}

export interface Watch {
  /** Ends the watch. `onClose` is not called. */
  cancel(): void;
  /** No events until `resume`, which then goes on from history where the watch stopped. Costs no memory meanwhile. */
  pause(): void;
  resume(): void;
  /** Asks for one `onProgress`, which comes as soon as the watch is in step; at once if it is. */
  requestProgress(): void;
  /** The first revision that was not told yet. */
  nextRevision(): number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  /** The Raft term under which the writer's loop began: refused at apply under any other (error `fenced`). */
  readonly fenceTerm?: number | undefined;
}

export type StoreErrorCode =
  /** The revision asked for was compacted. */
  | 'compacted'
  | 'future-revision'
  | 'fenced'
  /** A watcher that did not keep up. */
  | 'slow'
  /** Certainly not written. */
  | 'unavailable'
  /** May or may not be written. */
  | 'unknown-outcome'
  /** A key, value or command. */
  | 'too-large'
  | 'too-many-operations'
  /** A key is put twice in a transaction, or put where the transaction deletes. */
  | 'duplicate-key'
  /** Of a put that keeps the value or lease of a key that is not there. */
  | 'key-not-found'
  | 'lease-not-found'
  | 'lease-exists'
  | 'lease-ttl-too-large'
  /** The quota is used up; what frees space still goes on, and it ends by itself. */
  | 'no-space'
  | 'invalid';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Of `compacted` and `slow`: the first revision that can be watched. */
  readonly resumeRevision: number | undefined;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions & { resumeRevision?: number }) {
    super(message, options);
    this.code = code;
    this.resumeRevision = options?.resumeRevision;
  }
}

export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
}

export interface LeaseGrant extends Lease {
  /** The store's revision when it was granted. */
  readonly revision: number;
}

export interface LeaseTimes extends Lease {
  /** What is left by this replica's clock, in whole seconds, rounded down; -1 once it is over and the revocation is under way. */
  readonly remainingSeconds: number;
  /** The keys attached, in order, if asked for. */
  readonly keys?: readonly string[] | undefined;
}

export interface StoreUsage {
  /** What keys, values, history and leases take, with overhead: the same on every replica at the same revision. */
  readonly bytes: number;
  readonly quotaBytes: number;
  readonly alarm: 'no-space' | undefined;
  readonly keys: number;
  readonly versions: number;
  readonly leases: number;
  /** Of keys and values as they are now. */
  readonly liveBytes: number;
  /** Of older versions and deletions. */
  readonly historyBytes: number;
  /** Of the memory that holds values, with what is unused in it. */
  readonly allocatedBytes: number;
}

/** The state's hash right before log entry `index`: equal on all replicas that applied the same log. */
export interface HashMark {
  readonly index: number;
  readonly revision: number;
  readonly hash: string;
}

export interface RevisionHash {
  readonly hash: number;
  readonly compactRevision: number;
  readonly revision: number;
}

export interface Verification {
  readonly ok: boolean;
  readonly versions: number;
  /** What the incremental hash says, and what the stored bytes say. */
  readonly expected: string;
  readonly found: string;
}

export interface Store {
  /** Current revision of this replica. */
  readonly revision: number;
  /** The oldest revision that can be read. */
  readonly compactedRevision: number;
  get(key: string, revision?: number): KeyValue | undefined;
  /** @throws StoreError compacted, future-revision */
  range(request: RangeRequest): RangeResult;
  /** Lets this replica catch up with everything acknowledged so far, anywhere. Resolves to its revision then. */
  linearizable(options?: CallOptions): Promise<number>;
  /** Resolves once `this.revision >= revision`. */
  waitForRevision(revision: number, options?: CallOptions): Promise<void>;
  /**
   * @throws StoreError (by rejection) fenced, unavailable, unknown-outcome, too-large, too-many-operations, duplicate-key, key-not-found,
   *   lease-not-found, no-space, compacted, future-revision (of a range in it), invalid
   */
  transact(transaction: Transaction, options?: WriteOptions): Promise<TransactionResult>;
  /**
   * The same without a promise, for callers with very many writes: those of one turn of the event loop share an entry of the log. `done` is called
   * once, not before this returns.
   */
  submit(transaction: Transaction, done: (error: unknown, result: TransactionResult | undefined) => void): void;
  /** Events from `startRevision` on: first what history holds, then live, without a gap. @throws StoreError compacted, unavailable */
  watch(request: WatchRequest, handlers: WatchHandlers): Watch;
  /** Forgets versions older than `revision` that are not current at it; replicated through the log. @throws StoreError compacted, future-revision */
  compact(revision: number, options?: WriteOptions): Promise<void>;

  /** Without an id (or 0) one is chosen. A TTL below the least one is raised to it. @throws StoreError lease-exists, lease-ttl-too-large, no-space */
  grantLease(
    request: { readonly id?: bigint | undefined; readonly ttlSeconds: number },
    options?: WriteOptions,
  ): Promise<LeaseGrant>;
  /** Deletes the attached keys in one revision. Resolves to the store's revision then. @throws StoreError lease-not-found */
  revokeLease(id: bigint, options?: WriteOptions): Promise<number>;
  /** The TTL that each has again, in seconds; undefined for one that is unknown or over. Calls of one turn travel together. */
  keepAlive(ids: readonly bigint[], options?: WriteOptions): Promise<(number | undefined)[]>;
  /** From this replica's memory; undefined for an unknown lease. */
  timeToLive(id: bigint, withKeys?: boolean): LeaseTimes | undefined;
  leases(): readonly Lease[];

  /** Hash over the whole state at the current applied index; equal on replicas that applied the same log. */
  stateHash(): { readonly appliedIndex: number; readonly revision: number; readonly hash: string };
  /** Puts a mark into the log, at which every replica notes its hash in {@link hashMarks}. */
  markHash(options?: WriteOptions): Promise<HashMark>;
  /** The last few marks, oldest first. */
  hashMarks(): readonly HashMark[];
  /** Over all that is readable up to `revision` (default: now), equal on replicas with the same `compactRevision`. In slices. @throws StoreError compacted, future-revision */
  hashKv(revision?: number): Promise<RevisionHash>;
  /** Computes the hash again from every stored byte, in slices between which writes go on. */
  verifyHash(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly pauseMs?: number | undefined;
  }): Promise<Verification>;
  /** The state of this very moment, in checksummed chunks of at most 1 MiB, while writes go on. */
  snapshotStream(): AsyncIterable<Uint8Array>;
  usage(): StoreUsage;
}

let encodingSlots = 0;

/** A place of its own in every {@link WatchBatch.encodings}. Called once per kind of encoding, when a module loads. */
export function allocateEncodingSlot(): number {
  return encodingSlots++;
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '';
}
