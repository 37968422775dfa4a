/**
 * The node loop: runs the core over a disk, a network and an application. It has no timers, threads or sockets of its own, so the
 * simulator runs this very code.
 *
 * Order within one round (see core/ready.ts): immediate messages → committed entries to the application → write → what depends on the
 * write. Inputs only mark work; `schedule` runs one round for everything that a turn of the event loop brought.
 */
import type { Prng } from '../lib/prng.ts';
import { Inflights } from './core/inflights.ts';
import { entryBytes } from './core/log.ts';
import { Raft, type RaftOptions } from './core/raft.ts';
import type { Ready, ReadyWrite } from './core/ready.ts';
import type { Configuration, Entry, Message, ProposedEntry, SnapshotMeta } from './core/types.ts';
import type { LogStorage } from './log-storage.ts';
import { type PendingProposal, type ProposalFailure, ProposalTracker } from './proposal-tracker.ts';
import { type PendingRead, ReadTracker } from './read-tracker.ts';
import type { RaftPeer, RaftStatus } from './types.ts';

/** Commands in one forward or one append to the own log. */
const maxBatchBytes = 1 << 20;
/** Entries handed to the application that it has not applied yet. */
const maxUnappliedBytes = 16 << 20;
const maxUnappliedBatches = 64;
const expireEveryTicks = 5;

export interface Forward {
  readonly term: number;
  /** The life of the process that proposes, and its own number of this message. */
  readonly origin: number;
  readonly attempt: number;
  readonly proposals: readonly ProposedEntry[];
}

export interface ForwardRefusal {
  /** `refused`: a membership change that is not allowed; never asked again. */
  readonly reason: 'not-leader' | 'overloaded' | 'refused';
  /** For people; given with `refused`. */
  readonly message?: string | undefined;
  readonly origin: number;
  readonly attempt: number;
}

/** Whom the network must know. */
export interface PeerSet {
  /** All members of the adopted configuration (of both sides of a joint one) but this one. */
  readonly peers: readonly RaftPeer[];
  /** Log index of the newest configuration that is known to be committed here. */
  readonly configurationIndex: number;
}

/**
 * The network. Everything may be lost; what arrives is what was sent.
 *
 * Who may speak: any member of the same cluster, also one that is not among the peers, because it may know a newer configuration.
 * So a stream begins with the caller's id, name, address and configuration index. A caller that is not among the peers is
 *
 * - answered that it was removed (with our configuration index) when its own index is lower than ours: {@link NodeLoop.removed};
 * - otherwise heard, and answered at the address it gave, until {@link Transport.setPeers} says better.
 */
export interface Transport {
  /** Called at the start and whenever the configuration, or what is known as committed of it, changes. Addresses may change. */
  setPeers(set: PeerSet): void;
  send(to: number, messages: readonly Message[]): void;
  /** False: certainly not sent. Must never deliver a forward twice. */
  forward(to: number, forward: Forward): boolean;
  refuse(to: number, refusal: ForwardRefusal): void;
  /** Brings the snapshot's content, then `message`, to the peer. */
  sendSnapshot(to: number, message: Message, done: (ok: boolean) => void): void;
}

/** The other side of the border, in the API thread. */
export interface Application {
  /** In log order; answered by `applied`. */
  committed(entries: readonly Entry[]): void;
  /** Replace the state by this snapshot, which is on disk; answered by `restored`. */
  restore(snapshot: SnapshotMeta): void;
  proposalsFailed(failures: readonly ProposalFailure[]): void;
  readsReady(reads: readonly PendingRead[], index: number): void;
  readsFailed(reads: readonly PendingRead[], message: string): void;
  leadership(term: number, leaderId: number): void;
}

export interface NodeLoopOptions {
  readonly memberId: number;
  readonly configuration: Configuration;
  readonly tickMs: number;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: readonly [number, number];
  readonly keptEntries: number;
  readonly limits?: Pick<RaftOptions, 'maxMessageBytes' | 'maxInflightMessages'>;
  /** Random, never used before by any member. */
  readonly origin: number;
  readonly prng: Prng;
  readonly storage: LogStorage;
  readonly transport: Transport;
  readonly application: Application;
  readonly nowMs: () => number;
  /** The log was cut off behind this snapshot; older snapshots are of no use. */
  readonly onCompacted: (snapshot: SnapshotMeta) => void;
  /** Runs the callback soon, after what the present turn still brings. */
  readonly schedule: (callback: () => void) => void;
}

export class NodeLoop {
  readonly core: Raft;
  readonly #options: NodeLoopOptions;
  readonly #proposals: ProposalTracker;
  readonly #reads: ReadTracker;
  readonly #unapplied = new Inflights(maxUnappliedBatches, maxUnappliedBytes);
  #appliedIndex: number;
  /** The newest snapshot that the application was told to restore and has not; 0 = none. */
  #restoringIndex = 0;
  #scheduled = false;
  #running = false;
  #stopped = false;
  #ticks = 0;
  #attempt = 0;
  #told = { term: -1, leaderId: -1 };
  #transfers = 0;
  #compaction: SnapshotMeta | undefined;
  /** When the write under way began; undefined while none is. */
  writingSinceMs: number | undefined;

  constructor(options: NodeLoopOptions) {
    this.#options = options;
    const { memberId, configuration, tickMs, heartbeatIntervalMs, electionTimeoutMs, prng, storage } = options;
    this.core = new Raft({
      id: memberId,
      configuration,
      electionTicks: [Math.ceil(electionTimeoutMs[0] / tickMs), Math.ceil(electionTimeoutMs[1] / tickMs)],
      heartbeatTicks: Math.max(1, Math.round(heartbeatIntervalMs / tickMs)),
      prng,
      log: storage,
      hardState: storage.hardState(),
      applied: storage.snapshot().index,
      ...options.limits,
    });
    this.#appliedIndex = storage.snapshot().index;
    this.#tellPeers();
    this.#proposals = new ProposalTracker(options.origin, (failures) => options.application.proposalsFailed(failures));
    this.#reads = new ReadTracker(options.prng.uint32() * 2 ** 16);
    this.#schedule();
  }

  // --- inputs: time and network ---

  tick(): void {
    if (this.#stopped) return;
    this.#ticks++;
    this.core.tick();
    if (this.#ticks % expireEveryTicks === 0) this.#expire();
    this.#dispatch();
    this.#schedule();
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) this.core.step(message);
    this.#schedule();
  }

  receiveForward(from: number, { term, origin, attempt, proposals }: Forward): void {
    const result =
      this.core.term === term ? this.core.propose(proposals) : ({ ok: false, reason: 'not-leader' } as const);
    if (!result.ok) {
      const reason = result.reason === 'overloaded' ? 'overloaded' : 'not-leader';
      this.#options.transport.refuse(from, { reason, origin, attempt });
    }
    this.#schedule();
  }

  receiveRefusal({ reason, origin, attempt }: ForwardRefusal): void {
    // A refusal may come after a restart; attempts are counted anew in every life.
    if (origin !== this.#options.origin) return;
    // What waits again is sent at the next tick, so that a refusing peer is not asked in a busy loop.
    if (reason === 'overloaded') this.#proposals.overloaded(attempt);
    else this.#proposals.refused(attempt);
  }

  peerLost(id: number): void {
    this.core.reportUnreachable(id);
    this.#schedule();
  }

  // --- inputs: the application ---

  propose(pending: readonly PendingProposal[]): void {
    this.#proposals.add(pending);
    this.#schedule();
  }

  read(read: PendingRead): void {
    this.#reads.add(read);
    this.#schedule();
  }

  applied(index: number): void {
    this.#appliedIndex = Math.max(this.#appliedIndex, index);
    this.#unapplied.freeTo(index);
    this.#updateApplyPaused();
  }

  restored(index: number): void {
    // Another snapshot may have come meanwhile; nothing may be applied between the two.
    if (index >= this.#restoringIndex) this.#restoringIndex = 0;
    this.applied(index);
  }

  /** The application has written a snapshot of its state as of `snapshot` to disk. */
  snapshotTaken(snapshot: SnapshotMeta): void {
    this.#compaction = snapshot;
    this.#compact();
  }

  transferLeadership(target: number): boolean {
    const begun = this.core.transferLeadership(target);
    this.#schedule();
    return begun;
  }

  /** Nothing is done any more, not even when a write that is under way ends. */
  stop(): void {
    this.#stopped = true;
  }

  status(): Omit<RaftStatus, 'isLeader'> {
    const { core } = this;
    return {
      memberId: core.id,
      role: core.configuration.learners.includes(core.id) ? 'learner' : core.role,
      term: core.term,
      leaderId: core.leaderId === 0 ? undefined : core.leaderId,
      commitIndex: core.log.committed,
      appliedIndex: this.#appliedIndex,
      firstIndex: core.log.firstIndex(),
      lastIndex: core.log.lastIndex(),
      snapshotIndex: core.log.snapshot().index,
      voters: core.configuration.incoming,
      peers: core.peers().map(({ id, matchIndex, active }) => ({ id, matchIndex, active })),
    };
  }

  // --- one round ---

  #schedule(): void {
    if (this.#scheduled || this.#running || this.#stopped) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#stopped) return;
    this.#running = true;
    this.#tellLeadership();
    this.#dispatch();
    const repeatAfterMs = this.#options.electionTimeoutMs[0];
    this.#reads.begin(this.#options.nowMs(), repeatAfterMs, (context) => this.core.readIndex(context));
    while (!this.#stopped && this.core.hasReady()) this.#handle(this.core.ready());
    this.#tellLeadership();
    this.#running = false;
  }

  #handle({ messages, committed, reads, write }: Ready): void {
    this.#send(messages);
    for (const { context, index } of reads) {
      const safe = this.#reads.answered(context);
      if (safe.length > 0) this.#options.application.readsReady(safe, index);
      // What came meanwhile begins its own round.
      this.#reads.begin(this.#options.nowMs(), this.#options.electionTimeoutMs[0], (next) => this.core.readIndex(next));
    }
    if (committed.length > 0) this.#handOut(committed);
    if (write) this.#write(write);
  }

  #handOut(entries: readonly Entry[]): void {
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    this.#unapplied.add(entries.at(-1)!.index, bytes);
    this.#updateApplyPaused();
    this.#options.application.committed(entries);
    this.#proposals.committed(entries);
  }

  #write(write: ReadyWrite): void {
    const { hardState, entries, snapshot, mustSync } = write;
    if (!hardState && entries.length === 0 && !snapshot) {
      this.#written(write);
      return;
    }
    this.writingSinceMs = this.#options.nowMs();
    this.#options.storage.write({ hardState, entries, snapshot, sync: mustSync }, () => {
      if (this.#stopped) return;
      this.writingSinceMs = undefined;
      this.#written(write);
      this.#schedule();
    });
  }

  #written(write: ReadyWrite): void {
    this.#send(write.messages);
    if (write.snapshot) {
      this.#restoringIndex = write.snapshot.index;
      this.#updateApplyPaused();
      this.#unapplied.reset();
      this.#options.application.restore(write.snapshot);
      this.#proposals.restored(write.snapshot.term);
    }
    this.core.advance();
    this.#compact();
  }

  #send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    const byPeer = new Map<number, Message[]>();
    for (const message of messages) {
      if (message.type === 'snapshot') this.#sendSnapshot(message);
      else {
        const batch = byPeer.get(message.to);
        if (batch) batch.push(message);
        else byPeer.set(message.to, [message]);
      }
    }
    for (const [to, batch] of byPeer) this.#options.transport.send(to, batch);
  }

  #sendSnapshot(message: Message): void {
    this.#transfers++;
    this.#options.transport.sendSnapshot(message.to, message, (ok) => {
      if (this.#stopped) return;
      this.#transfers--;
      this.core.reportSnapshot(message.to, ok);
      this.#compact();
      this.#schedule();
    });
  }

  /** Sends what waits to where it can be decided. */
  #dispatch(): void {
    while (this.#proposals.waitingCount > 0 && this.#canDispatch()) {
      const taken = this.#proposals.take(maxBatchBytes);
      const proposals = taken.map((pending) => pending.proposed);
      const { core } = this;
      const attempt = ++this.#attempt;
      if (core.role === 'leader') {
        const result = core.propose(proposals);
        if (result.ok) this.#proposals.sent(taken, result.term, attempt);
        else if (result.reason === 'overloaded')
          this.#proposals.failed(taken, 'overloaded', 'too many proposals in flight; try again later');
      } else if (
        this.#options.transport.forward(core.leaderId, {
          term: core.term,
          origin: this.#options.origin,
          attempt,
          proposals,
        })
      ) {
        this.#proposals.sent(taken, core.term, attempt);
      } else {
        this.#proposals.keep(taken);
        return;
      }
    }
  }

  #canDispatch(): boolean {
    return this.core.role === 'leader' ? !this.core.transferring : this.core.leaderId !== 0;
  }

  /** A transfer under way needs the log from its snapshot on, so cutting off waits for it; a write under way, likewise. */
  #compact(): void {
    if (!this.#compaction || this.#transfers > 0 || this.writingSinceMs !== undefined) return;
    const snapshot = this.#compaction;
    this.#compaction = undefined;
    if (snapshot.index <= this.#options.storage.snapshot().index) return;
    this.#options.storage.compact(snapshot, snapshot.index - this.#options.keptEntries, () =>
      this.#options.onCompacted(snapshot),
    );
  }

  #expire(): void {
    const nowMs = this.#options.nowMs();
    this.#proposals.expire(nowMs);
    const late = this.#reads.expire(nowMs);
    if (late.length > 0)
      this.#options.application.readsFailed(late, 'no leader confirmed the read before its deadline');
  }

  #updateApplyPaused(): void {
    const paused = this.#restoringIndex > 0 || this.#unapplied.full();
    const resumes = this.core.applyPaused && !paused;
    this.core.applyPaused = paused;
    if (resumes) this.#schedule();
  }

  #tellPeers(): void {
    const { members } = this.core.configuration;
    const peers = members.filter(({ id }) => id !== this.core.id);
    this.#options.transport.setPeers({ peers, configurationIndex: 0 });
  }

  #tellLeadership(): void {
    const { term, leaderId } = this.core;
    if (term === this.#told.term && leaderId === this.#told.leaderId) return;
    this.#told = { term, leaderId };
    this.#options.application.leadership(term, leaderId);
  }
}
