/** What a chaos run is made of: the store that clients use, the operations they record, the cluster whose parts are broken on purpose. */
import type { Operation } from '../lib/linearizability/index.ts';

/** A value and where it was written. */
export interface Held {
  readonly value: string;
  readonly revision: number;
}

export type Request =
  | { readonly type: 'read' }
  /** Only where it is not there. */
  | { readonly type: 'create'; readonly value: string }
  /** Only where it is there. */
  | { readonly type: 'update'; readonly value: string }
  | { readonly type: 'delete' }
  /** Only where it still is what the client saw. */
  | { readonly type: 'compare-and-set'; readonly expected: Held; readonly value: string };

export interface Reply {
  /** False: the condition did not hold, so nothing was changed. Of a read: whether it is there. */
  readonly succeeded: boolean;
  /** Of a read that found it, and of a write that succeeded: what is there now. Of a delete: no value. */
  readonly held?: Held | undefined;
}

export interface Listing {
  readonly revision: number;
  readonly items: ReadonlyMap<string, Held>;
}

export interface WatchedEvent {
  readonly revision: number;
  readonly key: string;
  /** Undefined: it was deleted. */
  readonly value: string | undefined;
}

/** `refused`: certainly not carried out, and never will be. `unknown`: it may have been, or may yet be. */
export class OutcomeError extends Error {
  override readonly name = 'OutcomeError';
  readonly outcome: 'refused' | 'unknown';

  constructor(outcome: 'refused' | 'unknown', message: string, options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** A key-value store as one client reaches it. Never repeats a request by itself. Every failure of a call is an {@link OutcomeError}. */
export interface RegisterStore {
  /** How it reaches the cluster, for reports: `lb`, `master-2`. */
  readonly via: string;
  perform(key: string, request: Request): Promise<Reply>;
  list(): Promise<Listing>;
  /** Events after `revision`, in order. Ends when the connection does. @throws when it cannot begin, or history is gone */
  watch(revision: number, signal: AbortSignal): AsyncIterable<WatchedEvent>;
  close(): void;
}

/** Which requests reach which store, and how often each is made. */
export interface StoreAccess {
  /** For reports: `Kubernetes API`, `etcd API`. */
  readonly name: string;
  /** One connection of a client of its own; `index` spreads clients over the ways into the cluster. */
  open(index: number): RegisterStore;
  /** One for each way in: what watches and what reads at the end. */
  openEach(): RegisterStore[];
  /** Before the first request. */
  prepare(): Promise<void>;
  /** Removes what the run has made. */
  cleanUp(): Promise<void>;
}

export type Outcome = 'done' | 'refused' | 'unknown';

/** One operation of one client, as the checks see it. Times are milliseconds since the run began. */
export interface RecordedOperation extends Operation {
  readonly key: string;
  readonly type: Request['type'];
  readonly outcome: Outcome;
  readonly via: string;
  /** Of what the reply told: a write's own, or that of the value read. */
  readonly revision?: number | undefined;
  /** Of a write: what it writes. */
  readonly value?: string | undefined;
  readonly endMs: number;
  /** Why it was refused or is unknown. */
  readonly reason?: string | undefined;
}

export interface RecordedList {
  readonly via: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly listing: Listing;
}

export interface MasterState {
  readonly role: string;
  readonly term: number;
  readonly revision: number;
  readonly stateHash?: string | undefined;
}

/** The cluster, and what can be done to it. Each method returns when it has been done. */
export interface ChaosTarget {
  readonly masters: readonly string[];
  /** Why a kind of fault cannot be had here; undefined when it can. */
  unavailable(kind: FaultKind): string | undefined;
  /** Undefined for a master that does not answer. */
  state(master: string): Promise<MasterState | undefined>;
  /** Processes that ended without having been told to; each is reported once. */
  unexpectedEnds(): readonly string[];
  kill(master: string): Promise<void>;
  /** Asks it to end, and waits until it has. */
  stop(master: string): Promise<void>;
  /** Returns when its process runs; it may not serve yet. */
  start(master: string): Promise<void>;
  pause(master: string): Promise<void>;
  resume(master: string): Promise<void>;
  /** Drops what goes from one master to another; replaces what was blocked before. */
  block(links: readonly Link[]): Promise<void>;
  /** Undefined: as it was. */
  shape(master: string, shape: LinkShape | undefined): Promise<void>;
  /** Undefined: as it was. */
  disk(master: string, fault: DiskFault | undefined): Promise<void>;
  /** Moves its wall clock, milliseconds; 0: as it was. */
  clock(master: string, offsetMs: number): Promise<void>;
}

export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface LinkShape {
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly lossPercent?: number;
  readonly reorderPercent?: number;
}

export type DiskFault =
  | { readonly type: 'full' }
  /** Reads go on; writes and syncs fail with EIO. */
  | { readonly type: 'error' }
  | { readonly type: 'slow'; readonly syncMs: number };

export const faultKinds = [
  'kill',
  'kill-all',
  'restart',
  'rolling-restart',
  'pause',
  'partition',
  'loss',
  'delay',
  'clock',
  'disk-full',
  'disk-error',
  'disk-slow',
] as const;

export type FaultKind = (typeof faultKinds)[number];
