/**
 * The border between consensus and what it replicates. Nothing here knows what a command means.
 *
 * The application (the API thread) owns a {@link StateMachine}; the Raft thread owns the log and the peers. Committed
 * entries come to the state machine in log order, exactly once per process life; the promise of a local `propose` settles
 * with what `apply` returned for that entry, so a proposer never reads before its write.
 */
import type { MembershipChange, Peer } from './core/types.ts';

export type { MembershipChange, Peer as RaftPeer } from './core/types.ts';

/** An entry that a majority has on disk. */
export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  /** Empty for entries that Raft itself wrote (a new leader's first entry, membership changes). */
  readonly command: Uint8Array;
}

export interface StateMachine<Result> {
  /** Pure and deterministic: every replica computes the same from the same entries. Called in log order. Throwing ends the process. */
  apply(entry: CommittedEntry): Result;
  /** Called once after each batch of `apply` calls; the place to wake watchers. */
  applied(lastIndex: number): void;
  /** The state as of the last applied entry, as chunks of at most 1 MiB. The state may move on while the chunks are read; the snapshot must not. */
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Replaces the whole state by that of a snapshot taken at `index`. */
  restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void>;
}

export type ProposalErrorCode =
  /** Certainly not in the log and never will be. Safe to try again. */
  | 'refused'
  /** Too many proposals in flight: certainly not in the log. Try again later. */
  | 'overloaded'
  /** No leader was known before the deadline: certainly not in the log. */
  | 'no-leader'
  /** It may or may not be committed; read before trying again. */
  | 'unknown'
  | 'stopped';

export class ProposalError extends Error {
  override readonly name = 'ProposalError';
  readonly code: ProposalErrorCode;

  constructor(code: ProposalErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Default {@link defaultProposalTimeoutMs}. */
  timeoutMs?: number | undefined;
}

export const defaultSnapshotBytesPerSecond = 64 << 20;
export const defaultProposalTimeoutMs = 5_000;

export interface Leadership {
  readonly term: number;
  /** Undefined while no leader is known. */
  readonly leaderId: number | undefined;
  /** This member leads and has committed an entry of its own term. */
  readonly isLeader: boolean;
}

export interface RaftStatus extends Leadership {
  readonly memberId: number;
  /** `removed`: the others have gone on without this member. */
  readonly role: 'leader' | 'follower' | 'candidate' | 'pre-candidate' | 'learner' | 'removed';
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** On the leader: how far each peer is. */
  readonly peers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
}

/** What the store needs of consensus. The simulator and unit tests have implementations of their own. */
export interface Proposer<Result> {
  /**
   * Settles once the command is committed and applied on this replica. Proposals of one turn of the event loop travel together.
   * A follower forwards to the leader.
   * @throws ProposalError
   */
  propose(command: Uint8Array, options?: CallOptions): Promise<Result>;
  /**
   * Settles once this replica has applied everything that was committed when the call was made (Raft dissertation, section 6.4).
   * Calls of one turn of the event loop share a round.
   * @throws ProposalError
   */
  readBarrier(options?: CallOptions): Promise<void>;
  leadership(): Leadership;
  /** Calls back on every change of {@link Leadership}; the returned function ends that. */
  onLeadership(listener: (leadership: Leadership) => void): () => void;
}

/** A member of the applied configuration. */
export interface RaftMember extends Peer {
  /** Gets entries, but neither votes nor counts. */
  readonly learner: boolean;
}

/** A running member. */
export interface RaftNode<Result> extends Proposer<Result> {
  status(): Promise<RaftStatus>;
  /** Hands leadership to `memberId`, or to the most advanced voter. */
  transferLeadership(memberId?: number, options?: CallOptions): Promise<void>;
  /** Of the applied configuration; of both sides of a joint one. */
  members(): readonly RaftMember[];
  /** Calls back when {@link members} changes; the returned function ends that. */
  onMembers(listener: (members: readonly RaftMember[]) => void): () => void;
  /**
   * Settles with the new members when the change is complete and applied here: for `replace` when the new member votes and the old one
   * is out (Raft dissertation, chapter 4). One at a time in the whole cluster.
   *
   * @throws ProposalError `refused` with the reason; `unknown` when it was begun and not complete by the deadline: it goes on.
   */
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<readonly RaftMember[]>;
  stop(): Promise<void>;
}

export interface RaftNodeOptions {
  /** Both are checked on every peer stream: a member of another cluster is refused. */
  readonly clusterId: string;
  readonly memberId: number;
  /** All initial members, this one included. Of no meaning once the folder holds a configuration: that one counts. */
  readonly members: readonly Peer[];
  /**
   * This member comes to a cluster that exists: it starts empty and waits until the leader, told by `changeMembership`, sends it
   * entries. Of `members` only its own name and address count then: what it tells those that it has not learned to know yet.
   */
  readonly join?: boolean;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM files. Peers must present a certificate of this CA whose subject has the organization `peerOrganization`. */
  readonly tls: {
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly peerOrganization: string;
  };
  /** Default 50. */
  readonly heartbeatIntervalMs?: number;
  /** Lowest and highest random election timeout; default [150, 300]. */
  readonly electionTimeoutMs?: readonly [number, number];
  /**
   * A snapshot is taken after this many applied entries or bytes since the last; defaults 10,000 and 64 MiB, and up to four times as much when the
   * state is that much larger than the bytes.
   */
  readonly snapshotEveryEntries?: number;
  readonly snapshotEveryBytes?: number;
  /** Entries kept behind a snapshot for followers that lag; default 5,000. */
  readonly keptEntries?: number;
  /** For how long a learner that was added to become a voter must have kept up before it does; default 1,000. */
  readonly autopilotStableMs?: number;
  /** Most bytes of a snapshot that are written, or sent to a peer, in a second; default 64 MiB, and to a peer a quarter while entries for it wait. */
  readonly snapshotBytesPerSecond?: number;
  /** Between two rounds of reading log and snapshot again in search of damage; default 10 minutes. */
  readonly scrubPauseMs?: number;
  /** The Raft thread's entry file, where bundling has moved it; default worker.ts beside the node. */
  readonly workerUrl?: URL;
  /** Likewise that of the log's writer thread; default log-writer-thread.ts. */
  readonly logWriterUrl?: URL;
  /** A broken invariant or disk. Must not return to normal work; the default logs it and ends the process. */
  readonly onFatal?: (error: Error) => void;
}
