/** What the parts of a leader see of the core that they belong to. */
import type { RaftLog } from './log.ts';
import type { RoundTrips } from './round-trips.ts';
import type { Message } from './types.ts';

export interface RaftLimits {
  /** Commands in one append message; default 1 MiB. One entry always fits. */
  readonly maxMessageBytes: number;
  /** Appends on their way to one follower; defaults 64 and 8 MiB. */
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  /** Proposed and not yet committed; beyond it `propose` refuses. Default 64 MiB. */
  readonly maxUncommittedBytes: number;
  /** Commands handed out in one `ready`; default 4 MiB. */
  readonly maxCommittedBytes: number;
  /** Reads that wait for the leader's first commit or for a round; default 4,096. */
  readonly maxPendingReads: number;
  /**
   * True: that more is committed travels with the next entries, and by itself only to a follower that waits for it, or when the host says so
   * (`tellCommit`) and with heartbeats. Default false: at once.
   */
  readonly lazyCommit: boolean;
}

export type OutgoingFields = Pick<Message, 'type' | 'to'> & Partial<Message>;

export interface LeaderHost {
  readonly id: number;
  readonly log: RaftLog;
  readonly limits: RaftLimits;
  readonly roundTrips: RoundTrips;
  /** Ticks of this life. */
  now(): number;
  /** Shortest and longest election timeout at present. */
  electionTicks(): readonly [number, number];
  /** From 0 to below 1. */
  random(): number;
  /** In the leader's term. */
  send(fields: OutgoingFields): void;
  answerRead(to: number, context: number, index: number): void;
}
