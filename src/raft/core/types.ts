/** The vocabulary of the consensus core: entries, messages, durable state. Terms and indexes are whole numbers below 2^48; 0 means none. */

/** `empty` entries are written by a new leader to commit what came before; `command` belongs to the application. */
export type EntryKind = 'empty' | 'command';

export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** The process life that proposed it (random) and its running number there; 0 for entries that Raft wrote. Opaque to the core. */
  readonly origin: number;
  readonly sequence: number;
  readonly command: Uint8Array;
}

/** An entry before the leader gives it a place in the log. */
export type ProposedEntry = Pick<Entry, 'kind' | 'origin' | 'sequence' | 'command'>;

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
}

/** Joint consensus is `outgoing` not empty: then every decision needs a majority of both. */
export interface Configuration {
  readonly incoming: readonly number[];
  readonly outgoing: readonly number[];
  readonly learners: readonly number[];
}

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
  /** append: index before the entries; responses: acknowledged index; votes: candidate's last index; read-index-response: the read index. */
  readonly index: number;
  /** Term of the entry at `index`; in a refused append response the term at `rejectHint`. */
  readonly logTerm: number;
  readonly commit: number;
  readonly entries: readonly Entry[];
  readonly reject: boolean;
  /** Refused append response: the highest index at which the logs may still agree. */
  readonly rejectHint: number;
  /** Heartbeats: round of the read-index protocol; read-index: the asker's own number; transfer-leader: the target (0 = any). */
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
