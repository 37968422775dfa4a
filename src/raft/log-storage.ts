/** What the node loop needs of a disk. One suite (log-storage.test.ts) tests every implementation. */
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
   * Never while a write is under way. Reads show it at once; `done` is called when it is durable, perhaps before `compact` returns:
   * only then may older snapshot files be removed. A snapshot that is not newer changes nothing, and `done` is called.
   */
  compact(snapshot: SnapshotMeta, cutIndex: number, done?: () => void): void;
  /**
   * Since when (performance.now()) the oldest write that is not on disk yet has been waiting; undefined while none is. A leader whose
   * disk stands still is of no use to clients: this is how the node notices.
   */
  pendingSinceMs(): number | undefined;
  close(): Promise<void>;
}

/**
 * - `corrupt`: bytes on disk are not what was written. This member's data must be rebuilt from healthy members.
 * - `io`: the disk refused a read or a write. What is on it is known only after a new start.
 * - `no-space`: as `io`, and the cure is room.
 * - `format`: written by a program that this one does not understand.
 * - `identity`: the folder belongs to another member or cluster; `found` says to whom.
 * - `in-use`: another process, or this one, has it open.
 */
export type StorageErrorReason = 'corrupt' | 'io' | 'no-space' | 'format' | 'identity' | 'in-use';

/** A disk that cannot be trusted. Fatal: the process ends with the message, which says file, index and what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly reason: StorageErrorReason;
  readonly found?: MemberIdentity;

  constructor(reason: StorageErrorReason, message: string, options?: ErrorOptions & { found?: MemberIdentity }) {
    super(message, options);
    this.reason = reason;
    if (options?.found) this.found = options.found;
  }
}

/** A StorageError, also behind other errors or when it comes from another thread and has lost its class; otherwise undefined. */
export function findStorageError(error: unknown): StorageError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at.name === 'StorageError') return at as StorageError;
  return undefined;
}

export function storageErrorReason(error: unknown): StorageErrorReason | undefined {
  return findStorageError(error)?.reason;
}

/** What an error of the operating system or of RocksDB means. */
export function reasonOf(error: unknown): 'corrupt' | 'io' | 'no-space' {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    texts.push(at.message, String((at as { code?: string }).code));
  const text = texts.join(' ');
  if (/ENOSPC|EDQUOT|No space left|NoSpace|quota exceeded/i.test(text)) return 'no-space';
  return /Corruption|checksum mismatch/i.test(text) ? 'corrupt' : 'io';
}

export const remedies: Record<StorageErrorReason, string> = {
  corrupt:
    'If the other members are healthy, stop this one, move its Raft folder away and start it again: it is rebuilt from them.',
  io: 'Check the disk and its mount (dmesg), then start this member again: it reads what the disk really has.',
  'no-space': 'Make room on this disk, then start this member again.',
  format: 'Start the version of the program that wrote it, or a newer one.',
  identity: 'Check the data folder in the configuration.',
  'in-use':
    'Stop the process that has it open (fuser), or wait until it has ended: one that was killed ends when its disk has answered.',
};

export interface MemberIdentity {
  readonly clusterId: string;
  readonly memberId: number;
}
