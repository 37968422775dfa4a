/**
 * The store: a multi-version key-value map over one revision sequence, replicated through a `Proposer`.
 *
 * Keys are *byte strings*: JavaScript strings whose code units are bytes (0 to 255, "latin1"), so that any binary key fits and
 * string order is byte order. Values are opaque bytes; whoever gets one must not change it. Revisions start at 1 (empty store) and move by one
 * per transaction that writes, as in etcd. All reads are of this replica's memory and synchronous.
 */

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 when created, one more per put. */
  readonly version: number;
  readonly leaseId?: number | undefined;
}

/** A range is [key, end). `end` undefined: only `key`. `end` '' : everything from `key` on. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string | undefined;
}

export type CompareOperator = '=' | '!=' | '<' | '>';

/** Holds for every key of the range. A missing key has version, createRevision and modRevision 0 and no value. */
export type Compare = KeyRange &
  (
    | {
        readonly target: 'version' | 'createRevision' | 'modRevision';
        readonly operator: CompareOperator;
        readonly operand: number;
      }
    | { readonly target: 'value'; readonly operator: CompareOperator; readonly operand: Uint8Array }
  );

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly previous?: boolean | undefined }
  | ({ readonly type: 'delete'; readonly previous?: boolean | undefined } & KeyRange)
  | ({ readonly type: 'range'; readonly limit?: number | undefined } & KeyRange);

/** Decided where it stands in the log: if every compare holds, `success` runs, else `failure`. A key may be put once per transaction. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[] | undefined;
}

export type OperationResult =
  | { readonly type: 'put'; readonly previous?: KeyValue | undefined }
  | { readonly type: 'delete'; readonly deleted: number; readonly previous?: readonly KeyValue[] | undefined }
  | { readonly type: 'range'; readonly items: readonly KeyValue[]; readonly more: boolean };

export interface TransactionResult {
  readonly succeeded: boolean;
  /** The store's revision after the transaction: that of its writes, if it wrote. */
  readonly revision: number;
  readonly results: readonly OperationResult[];
}

export interface RangeRequest extends KeyRange {
  /** Default: the current revision. */
  readonly revision?: number | undefined;
  /** 0 or undefined: no limit. */
  readonly limit?: number | undefined;
}

export interface RangeResult {
  readonly items: readonly KeyValue[];
  /** The revision that was read. */
  readonly revision: number;
  /** More keys of the range follow the limit. */
  readonly more: boolean;
  /** Keys of the range in all, the limit ignored. */
  readonly count: number;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete: key and the deletion's revision as `modRevision`, with an empty value. */
  readonly current: KeyValue;
  /** Undefined for a key that was created. */
  readonly previous: KeyValue | undefined;
}

export interface WatchRequest extends KeyRange {
  /** First revision to see. Default: the next one. */
  readonly startRevision?: number | undefined;
}

export interface WatchHandlers {
  /** Events of one or more whole revisions, in order. Called from the applying turn of the event loop: must not throw, must be quick. */
  onEvents(events: readonly WatchEvent[], revision: number): void;
  /** The watch has ended and nothing follows: history was compacted under it, or it was too slow, or the state was replaced by a snapshot. */
  onClose(error: StoreError): void;
}

export interface Watch {
  /** Ends the watch. `onClose` is not called. */
  cancel(): void;
}

export interface WriteOptions {
  /** The Raft term under which the writer's loop began: refused at apply under any other (error `fenced`). */
  readonly fenceTerm?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
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
  | 'too-large'
  | 'invalid';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
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
  linearizable(options?: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }): Promise<number>;
  /** Resolves once `this.revision >= revision`. */
  waitForRevision(
    revision: number,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined },
  ): Promise<void>;
  /** @throws StoreError (by rejection) fenced, unavailable, unknown-outcome, too-large, invalid */
  transact(transaction: Transaction, options?: WriteOptions): Promise<TransactionResult>;
  /** Events from `startRevision` on: first what history holds, then live, without a gap. @throws StoreError compacted */
  watch(request: WatchRequest, handlers: WatchHandlers): Watch;
  /** Forgets versions older than `revision` that are not current at it; replicated through the log. */
  compact(revision: number, options?: WriteOptions): Promise<void>;
  /** Hash over the whole state at the current applied index; equal on replicas that applied the same log. */
  stateHash(): { readonly appliedIndex: number; readonly revision: number; readonly hash: string };
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '';
}
