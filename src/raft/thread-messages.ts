/** What the API thread and the Raft thread say to each other. Packs are entry-codec packs whose buffers are transferred, not copied. */
import type { Configuration, SnapshotMeta } from './core/types.ts';
import type { ProposalFailure } from './proposal-tracker.ts';
import type { RaftNodeOptions, RaftStatus } from './types.ts';

/** The part of a logger that both threads have; lines of the Raft thread are written by the API thread's logger. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type WorkerData = Omit<RaftNodeOptions, 'workerUrl' | 'logWriterUrl' | 'onFatal'> & {
  readonly logWriterHref?: string | undefined;
  /** Of this process life; marks its proposals in the log. */
  readonly origin: number;
};

export type ToWorker =
  | { readonly type: 'propose'; readonly pack: ArrayBuffer; readonly timeoutsMs: readonly number[] }
  | { readonly type: 'read'; readonly requestId: number; readonly timeoutMs: number }
  | { readonly type: 'applied'; readonly index: number }
  /** The state machine has the snapshot that `opened` or `restore` named. */
  | { readonly type: 'restored'; readonly index: number }
  | { readonly type: 'snapshot-taken'; readonly snapshot: SnapshotMeta }
  | { readonly type: 'transfer'; readonly requestId: number; readonly target: number }
  | { readonly type: 'status'; readonly requestId: number }
  | { readonly type: 'pong' }
  | { readonly type: 'stop' };

export type FromWorker =
  /** The log is open. `snapshot.index` 0: there is none to restore. */
  | {
      readonly type: 'opened';
      readonly snapshot: SnapshotMeta;
      readonly commitIndex: number;
      /** As of the snapshot. */
      readonly configuration: Configuration;
    }
  | { readonly type: 'listening' }
  | { readonly type: 'committed'; readonly pack: ArrayBuffer }
  | { readonly type: 'restore'; readonly snapshot: SnapshotMeta }
  | { readonly type: 'failed'; readonly failures: readonly ProposalFailure[] }
  | { readonly type: 'reads-ready'; readonly requestIds: readonly number[]; readonly index: number }
  | { readonly type: 'reads-failed'; readonly requestIds: readonly number[]; readonly message: string }
  | { readonly type: 'leadership'; readonly term: number; readonly leaderId: number }
  | { readonly type: 'removed' }
  | { readonly type: 'transfer-begun'; readonly requestId: number; readonly begun: boolean }
  | { readonly type: 'status'; readonly requestId: number; readonly status: Omit<RaftStatus, 'isLeader'> }
  | { readonly type: 'log'; readonly level: keyof Log; readonly fields: object; readonly message: string }
  | { readonly type: 'ping' };
