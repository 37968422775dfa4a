/** What the node loop needs of a disk. One suite (log-storage-suite.ts) tests every implementation. */
import type { LogReader } from './core/log.ts';
import type { Entry, HardState, SnapshotMeta } from './core/types.ts';

/** One atomic batch. */
export interface LogWrite {
  readonly hardState?: HardState | undefined;
  /** Contiguous; they replace whatever the log has from the first one's index on. */
  readonly entries?: readonly Entry[] | undefined;
  /** A snapshot that was received: the log becomes empty and begins after it. Applied before `entries`. */
  readonly snapshot?: SnapshotMeta | undefined;
  readonly sync: boolean;
}

export interface LogStorage extends LogReader {
  hardState(): HardState;
  /**
   * Calls `done` when the batch is on disk, perhaps before it returns. One write at a time; reads show the batch
   * from the call of `done` at the latest. A write that fails is fatal: implementations throw or never call `done`.
   */
  write(batch: LogWrite, done: () => void): void;
  /**
   * Records a snapshot of the state machine that this member took, and cuts off entries up to `cutIndex` (at most the snapshot's index).
   * Never while a write is under way. Durable when it returns: older snapshot files may then be removed.
   */
  compact(snapshot: SnapshotMeta, cutIndex: number): void;
  close(): Promise<void>;
}

/** A disk that cannot be trusted. Fatal: the process ends with the message, which says what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

export interface MemberIdentity {
  readonly clusterId: string;
  readonly memberId: number;
}
