/** The vocabulary of the consensus core: entries, messages, durable state. Terms and indexes are whole numbers below 2^48; 0 means none. */

/**
 * `empty` entries are written by a new leader to commit what came before; `command` belongs to the application; the command of a
 * `configuration` is one as in configuration.ts. `change` is a wish for another configuration: only ever proposed, never in the log.
 */
export type EntryKind = 'empty' | 'command' | 'configuration' | 'change';

export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** The process life that proposed it (random) and its running number there; 0 for entries that Raft wrote. Opaque to the core. */
  readonly origin: number;
  readonly sequence: number;
  readonly command: Uint8Array;
  /** Of command, origin and sequence, from where the entry was proposed; only the codec reads it. */
  readonly checksum?: number | undefined;
}

/** An entry before the leader gives it a place in the log. */
export type ProposedEntry = Pick<Entry, 'kind' | 'origin' | 'sequence' | 'command' | 'checksum'>;

/** Must be on disk before any message that depends on it leaves. `commit` may lag behind what is committed. */
export interface HardState {
  readonly term: number;
  /** Whom this member voted for in `term`; 0 = nobody. */
  readonly vote: number;
  readonly commit: number;
}

/** What a snapshot stands for: everything up to and including `index`, which was written in `term`. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  /** The membership as of `index`. Undefined: unknown, because the folder is new or was written before configurations came into the log. */
  readonly configuration?: Configuration | undefined;
}

/** Identity is the id; name and address may change. */
export interface Peer {
  readonly id: number;
  readonly name: string;
  /** host:port of its Raft listener. */
  readonly address: string;
}

export interface Member extends Peer {
  /** A learner that becomes a voter by itself once it is caught up. */
  readonly promote?: boolean;
  /** A learner that takes this voter's place, in one step, once it is caught up. */
  readonly replaces?: number;
}

/**
 * Who takes part (Raft dissertation, chapter 4). Joint consensus is `outgoing` not empty: then every decision needs a majority of both.
 * Invariant: `members` describes exactly those that one of the three lists names; a learner is in no other list.
 */
export interface Configuration {
  readonly members: readonly Member[];
  readonly incoming: readonly number[];
  readonly outgoing: readonly number[];
  readonly learners: readonly number[];
}

/** See planChange (membership.ts) for what is refused. One at a time. */
export type MembershipChange =
  /** `promote`: it becomes a voter by itself once it is caught up. */
  | { readonly type: 'add-learner'; readonly member: Peer; readonly promote?: boolean }
  /** Refused until the learner is caught up. */
  | { readonly type: 'promote'; readonly id: number }
  /** Refused when the rest could not form a live quorum. */
  | { readonly type: 'remove'; readonly id: number }
  /** `by` comes as a learner and takes the voter's place in one step once it is caught up, also under another leader. */
  | { readonly type: 'replace'; readonly id: number; readonly by: Peer }
  | { readonly type: 'update-address'; readonly id: number; readonly address: string };

export type MessageType =
  | 'append'
  | 'append-response'
  | 'heartbeat'
  | 'heartbeat-response'
  | 'pre-vote'
  | 'pre-vote-response'
  | 'vote'
  | 'vote-response'
  /** The receiver has the snapshot's content on disk when it steps this. */
  | 'snapshot'
  | 'timeout-now'
  | 'read-index'
  | 'read-index-response'
  | 'transfer-leader';

/** One shape for all types; a field that a type does not use is 0, false or empty. */
export interface Message {
  readonly type: MessageType;
  readonly from: number;
  readonly to: number;
  /** Sender's term (candidate's next term for pre-vote); 0 on messages outside of terms (read-index, transfer-leader). */
  readonly term: number;
  /**
   * append: index before the entries; its response: acknowledged index; votes: candidate's last index; read-index-response: the read
   * index; heartbeat and its response: the tick in which the leader sent it.
   */
  readonly index: number;
  /** Term of the entry at `index`; in a refused append response the term at `rejectHint`. */
  readonly logTerm: number;
  readonly commit: number;
  readonly entries: readonly Entry[];
  /** Of an answer: no. Heartbeat response: the member makes no progress and does not want to lead. */
  readonly reject: boolean;
  /** Refused append response: the highest index at which the logs may still agree. Heartbeat: the round trip to count with, in ticks. */
  readonly rejectHint: number;
  /**
   * Heartbeats: round of the read-index protocol; read-index: the asker's own number; transfer-leader: the target (0 = any); votes,
   * pre-votes and their responses: the tick in which the candidate asked.
   */
  readonly context: number;
  /** vote and pre-vote that leader stickiness must not hold back, because the leader itself asked for them. */
  readonly force: boolean;
  readonly snapshot: SnapshotMeta | undefined;
}

export type Role = 'leader' | 'follower' | 'candidate' | 'pre-candidate';

const blank: Omit<Message, 'type' | 'from' | 'to'> = {
  term: 0,
  index: 0,
  logTerm: 0,
  commit: 0,
  entries: [],
  reject: false,
  rejectHint: 0,
  context: 0,
  force: false,
  snapshot: undefined,
};

export function message(fields: Pick<Message, 'type' | 'from' | 'to'> & Partial<Message>): Message {
  return { ...blank, ...fields };
}
