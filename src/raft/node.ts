/**
 * The node loop: runs the core over a disk, a network and an application. It has no timers, threads or sockets of its own, so the
 * simulator runs this very code.
 *
 * Order within one round (see core/ready.ts): committed entries and reads to the application, where somebody waits for them → immediate
 * messages, so that followers write while this member does (dissertation, 10.2.1) → write → what depends on the write. Inputs only mark work; `schedule` runs one round for everything that a turn of the event loop brought.
 */
import type { Prng } from '../lib/prng.ts';
import { Inflights } from './core/inflights.ts';
import type { RaftLimits } from './core/leader-host.ts';
import { entryBytes } from './core/log.ts';
import { decodeChange } from './core/membership.ts';
import { type ChangeResult, Raft } from './core/raft.ts';
import type { Ready, ReadyWrite } from './core/ready.ts';
import type { Configuration, Entry, Message, ProposedEntry, SnapshotMeta } from './core/types.ts';
import { HandOver, type StallReason } from './hand-over.ts';
import type { LogStorage } from './log-storage.ts';
import { PeerBook } from './peer-book.ts';
import { type PendingProposal, type ProposalFailure, ProposalTracker } from './proposal-tracker.ts';
import { type PendingRead, ReadTracker } from './read-tracker.ts';
import type { RaftPeer, RaftStatus } from './types.ts';

/** Commands in one forward or one append to the own log. */
const maxBatchBytes = 1 << 20;
/** Entries handed to the application that it has not applied yet. */
const maxUnappliedBytes = 16 << 20;
const maxUnappliedBatches = 64;
/** News of a commit wait this long for entries that take them along, unless somebody at the follower waits for them. */
const commitNewsMs = 2;
const expireEveryTicks = 5;
const autopilotEveryTicks = 20;
/** For how long a learner must have kept up before it becomes a voter by itself; default. */
const defaultAutopilotStableMs = 1_000;
/** The log is kept for followers that need it, up to so many times `keptEntries`. */
const maxKeptFactor = 10;
/** A write that takes longer, or longer than two election timeouts, is a disk that stands still. */
const minDiskStallMs = 1_000;

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
  /**
   * Log index of the newest configuration that is known to be committed here; 1 for the one of the first start (no change can stand
   * there, it is the place of the first leader's empty entry), 0 for a member that was told to join and knows none.
   */
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
  /** What was sent may wait for more until then, but not beyond the present turn of the event loop. */
  flush(): void;
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
  /** Others say that they have gone on without this member. */
  removed(): void;
}

export interface NodeLoopOptions {
  readonly memberId: number;
  /** Of the first start; later the disk knows better. Empty for a member that was told to join. */
  readonly configuration: Configuration;
  /** For how long a learner must have kept up before it becomes a voter by itself; default 1,000. */
  readonly autopilotStableMs?: number | undefined;
  readonly tickMs: number;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: readonly [number, number];
  readonly keptEntries: number;
  readonly limits?: Partial<RaftLimits>;
  /** Random, never used before by any member. */
  readonly origin: number;
  readonly prng: Prng;
  readonly storage: LogStorage;
  readonly transport: Transport;
  readonly application: Application;
  readonly nowMs: () => number;
  /** The log was cut off behind this snapshot; older snapshots are of no use. */
  readonly onCompacted: (snapshot: SnapshotMeta) => void;
  /** Runs the callback soon, and not within the call that asked for it. */
  readonly schedule: (callback: () => void) => void;
  /** Runs the callback after that time. Absent: followers hear of commits at once. */
  readonly later?: ((callback: () => void, delayMs: number) => void) | undefined;
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
  #writing = false;
  #newsWaits = false;
  readonly #peers: PeerBook;
  readonly #handOver = new HandOver();

  constructor(options: NodeLoopOptions) {
    this.#options = options;
    const { memberId, configuration, tickMs, heartbeatIntervalMs, electionTimeoutMs, prng, storage } = options;
    keepFirstConfiguration(storage, configuration);
    this.core = new Raft({
      id: memberId,
      configuration,
      electionTicks: [Math.ceil(electionTimeoutMs[0] / tickMs), Math.ceil(electionTimeoutMs[1] / tickMs)],
      heartbeatTicks: Math.max(1, Math.round(heartbeatIntervalMs / tickMs)),
      prng,
      log: storage,
      hardState: storage.hardState(),
      applied: storage.snapshot().index,
      lazyCommit: options.later !== undefined,
      ...options.limits,
    });
    this.#appliedIndex = storage.snapshot().index;
    this.#peers = new PeerBook(memberId);
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
    if (this.#ticks % autopilotEveryTicks === 0) this.#autopilot();
    this.#dispatch();
    this.#schedule();
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) this.core.step(message);
    this.#schedule();
  }

  receiveForward(from: number, { term, origin, attempt, proposals }: Forward): void {
    const result =
      this.core.term === term ? this.#proposeHere(proposals) : ({ ok: false, reason: 'not-leader' } as const);
    if (result.ok) this.core.expectCommit(from, this.core.log.lastIndex());
    if (!result.ok) {
      const reason = result.reason === 'transferring' ? 'not-leader' : result.reason;
      const message = result.reason === 'refused' ? result.message : undefined;
      this.#options.transport.refuse(from, { reason, message, origin, attempt });
    }
    this.#schedule();
  }

  receiveRefusal({ reason, message, origin, attempt }: ForwardRefusal): void {
    // A refusal may come after a restart; attempts are counted anew in every life.
    if (origin !== this.#options.origin) return;
    // What waits again is sent at the next tick, so that a refusing peer is not asked in a busy loop.
    if (reason === 'overloaded') this.#proposals.overloaded(attempt);
    else if (reason === 'refused') this.#proposals.rejected(attempt, message ?? 'the leader refused it');
    else this.#proposals.refused(attempt);
  }

  peerLost(id: number): void {
    this.core.reportUnreachable(id);
    this.#schedule();
  }

  /** The peer's process has ended, as far as the network can tell; see {@link Raft.reportGone}. */
  peerGone(id: number): void {
    this.core.reportGone(id);
    this.#schedule();
  }

  /**
   * A peer says that this member is in no configuration since the committed one at `configurationIndex`: it stops standing for election
   * until a leader speaks to it again. Ignored where this member knows a newer configuration than the peer.
   */
  removed(configurationIndex: number): void {
    if (this.core.reportRemoved(configurationIndex)) this.#options.application.removed();
  }

  /**
   * The host's view of its own progress: for how long the application's thread has been silent. A leader whose application or disk
   * stands still is of no use to clients, so it gives leadership to a voter that is caught up and does make progress, if there is one and it
   * did not do so a moment ago; and it stands for no election until both go on.
   *
   * Returns what stands still, or undefined; to be called a few times per `limitMs`.
   */
  checkProgress(applicationSilentMs: number, applicationLimitMs: number): StallReason | undefined {
    const { core } = this;
    const nowMs = this.#options.nowMs();
    const pendingSinceMs = this.#options.storage.pendingSinceMs();
    const diskSilentMs = pendingSinceMs === undefined ? 0 : nowMs - pendingSinceMs;
    const diskLimitMs = Math.max(minDiskStallMs, 2 * this.#options.electionTimeoutMs[1]);
    const stalled =
      applicationSilentMs > applicationLimitMs ? 'application' : diskSilentMs > diskLimitMs ? 'disk' : undefined;
    // A member alone has nobody to give it to.
    const alone = core.configuration.incoming.length === 1;
    core.mayCampaign = stalled === undefined || alone;
    const leads = core.role === 'leader';
    this.#handOver.observe(leads ? core.term : undefined, nowMs);
    if (stalled && !alone && leads && !core.transferring && this.#handOver.may(stalled, nowMs)) {
      const successor = core.successor();
      if (successor !== 0 && this.transferLeadership(successor)) this.#handOver.begun(stalled, nowMs);
    }
    return stalled;
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
  snapshotTaken({ index, term }: Pick<SnapshotMeta, 'index' | 'term'>): void {
    this.#compaction = { index, term, configuration: this.core.log.configurations.at(index).configuration };
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
      role: core.removed ? 'removed' : core.configuration.learners.includes(core.id) ? 'learner' : core.role,
      term: core.term,
      leaderId: core.leaderId === 0 ? undefined : core.leaderId,
      commitIndex: core.log.committed,
      appliedIndex: this.#appliedIndex,
      firstIndex: core.log.firstIndex(),
      lastIndex: core.log.lastIndex(),
      snapshotIndex: core.log.snapshot().index,
      voters: core.configuration.incoming,
      learners: core.configuration.learners,
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
    this.#tellPeers();
    this.#running = false;
    this.#tellCommitLater();
  }

  #tellCommitLater(): void {
    const { later } = this.#options;
    const index = this.core.log.committed;
    if (!later || this.#newsWaits || !this.core.isCommitUntold(index)) return;
    this.#newsWaits = true;
    later(() => {
      this.#newsWaits = false;
      if (this.#stopped) return;
      // Most often what came meanwhile has told it.
      if (this.core.isCommitUntold(index)) {
        this.core.tellCommit(index);
        this.#schedule();
      } else this.#tellCommitLater();
    }, commitNewsMs);
  }

  #handle({ messages, committed, reads, write }: Ready): void {
    // Who is new must be known before something is sent to it.
    this.#tellPeers();
    for (const { context, index } of reads) {
      const safe = this.#reads.answered(context);
      if (safe.length > 0) this.#options.application.readsReady(safe, index);
      // What came meanwhile begins its own round.
      this.#reads.begin(this.#options.nowMs(), this.#options.electionTimeoutMs[0], (next) => this.core.readIndex(next));
    }
    if (committed.length > 0) this.#handOut(committed);
    this.#send(messages);
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
    this.#writing = true;
    this.#options.storage.write({ hardState, entries, snapshot, sync: mustSync }, () => {
      if (this.#stopped) return;
      this.#writing = false;
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
    if (byPeer.size === 0) return;
    for (const [to, batch] of byPeer) this.#options.transport.send(to, batch);
    this.#options.transport.flush();
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
        const result = this.#proposeHere(proposals);
        if (result.ok) this.#proposals.sent(taken, result.term, attempt);
        else if (result.reason === 'overloaded')
          this.#proposals.failed(taken, 'overloaded', 'too many proposals in flight; try again later');
        else if (result.reason === 'refused') this.#proposals.failed(taken, 'refused', result.message);
        else {
          this.#proposals.keep(taken);
          return;
        }
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

  /** A change of the membership comes alone. */
  #proposeHere(proposals: readonly ProposedEntry[]): ChangeResult {
    const [first] = proposals;
    if (first?.kind !== 'change') return this.core.propose(proposals);
    const change = decodeChange(first.command);
    if (!change)
      return { ok: false, reason: 'refused', message: 'the leader is of a version that does not know this change' };
    return this.core.changeMembership(change, first.origin, first.sequence);
  }

  /** Learners that were added to become voters do so; see core/autopilot.ts. */
  #autopilot(): void {
    const { autopilotStableMs = defaultAutopilotStableMs, tickMs } = this.#options;
    const change = this.core.autopilotChange(Math.ceil(autopilotStableMs / tickMs));
    if (change) this.core.changeMembership(change);
  }

  #canDispatch(): boolean {
    return this.core.role === 'leader' ? !this.core.transferring : this.core.leaderId !== 0;
  }

  /**
   * A transfer under way needs the log from its snapshot on, so cutting off waits for it; a write under way, likewise. What followers
   * that answer still need stays, so that none falls from one snapshot into the next.
   */
  #compact(): void {
    if (!this.#compaction || this.#transfers > 0 || this.#writing) return;
    const snapshot = this.#compaction;
    this.#compaction = undefined;
    const { storage, keptEntries, onCompacted } = this.#options;
    if (snapshot.index <= storage.snapshot().index) return;
    const kept = Math.min(snapshot.index - keptEntries, this.core.neededIndex - 1);
    const cutIndex = Math.max(kept, snapshot.index - keptEntries * maxKeptFactor);
    storage.compact(snapshot, cutIndex, () => onCompacted(snapshot));
    this.core.log.configurations.forgetBefore(snapshot.index);
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
    const { configurations, committed } = this.core.log;
    const peerSet = this.#peers.update(configurations, committed, this.#ticks);
    if (peerSet) this.#options.transport.setPeers(peerSet);
  }

  #tellLeadership(): void {
    const { term, leaderId } = this.core;
    if (term === this.#told.term && leaderId === this.#told.leaderId) return;
    this.#told = { term, leaderId };
    this.#options.application.leadership(term, leaderId);
  }
}

/** A folder that is new remembers with what it began, whatever the options say later. */
function keepFirstConfiguration(storage: LogStorage, configuration: Configuration): void {
  const isNew = storage.lastIndex() === 0 && storage.hardState().term === 0;
  if (isNew && !storage.snapshot().configuration) storage.compact({ index: 0, term: 0, configuration }, 0);
}
