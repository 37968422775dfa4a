/**
 * The consensus state machine (Ongaro's dissertation): elections with PreVote and leader stickiness (9.6), CheckQuorum (6.2),
 * pipelined replication (10.2.1), ReadIndex (6.4), leadership transfer (3.10), snapshots (5), membership changes by joint consensus
 * (4.3). Pure: it has no clock (`tick`), no network (`step`, messages in `ready`), no disk (`ready`, `advance`) and no randomness but
 * the generator it is given.
 *
 * This file is the member as voter, candidate and follower, and the border; what it does as leader is in leader.ts.
 *
 * Invariants: at most one leader per term; a leader only appends; only entries of the leader's own term are committed by counting;
 * nothing that a message promises (a vote, an acknowledgement) leaves before it is on disk.
 */
import { assert } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import { planAutopilot } from './autopilot.ts';
import { ElectionClock } from './election-clock.ts';
import { type ChangeResult, Leader, type ProposeResult } from './leader.ts';
import type { LeaderHost, OutgoingFields, RaftLimits } from './leader-host.ts';
import { type LogReader, RaftLog } from './log.ts';
import { allMembers, isVoter, quorumVote } from './quorum.ts';
import type { ReadState, Ready, ReadyWrite } from './ready.ts';
import { RoundTrips } from './round-trips.ts';
import {
  type Configuration,
  type HardState,
  type MembershipChange,
  type Message,
  message,
  type ProposedEntry,
  type Role,
} from './types.ts';

export type { ChangeResult, ProposeResult } from './leader.ts';

export interface RaftOptions extends Partial<RaftLimits> {
  readonly id: number;
  /** Counts as long as neither the log nor its snapshot says otherwise. */
  readonly configuration: Configuration;
  /**
   * Shortest and longest election timeout, in ticks. Within the shortest a follower that hears a leader grants no vote. Both grow where
   * messages take long (round-trips.ts).
   */
  readonly electionTicks: readonly [number, number];
  readonly heartbeatTicks: number;
  readonly prng: Prng;
  readonly log: LogReader;
  readonly hardState: HardState;
  /** What the state machine already has (the snapshot it was restored from). */
  readonly applied: number;
}

/** Between the candidacies of members that see their leader's process gone at the same time: pre-vote and vote, with a write, and some air. */
const candidacyTicks = 3;

/** So many ticks a commit index that moved waits for entries that bring it to disk along. */
const commitWriteTicks = 10;

const defaultLimits: RaftLimits = {
  maxMessageBytes: 1 << 20,
  maxInflightMessages: 64,
  maxInflightBytes: 8 << 20,
  maxUncommittedBytes: 64 << 20,
  maxCommittedBytes: 4 << 20,
  maxPendingReads: 4096,
  lazyCommit: false,
};

export interface PeerProgress {
  readonly id: number;
  readonly matchIndex: number;
  /** It was heard of within an election timeout. */
  readonly active: boolean;
  readonly state: string;
  readonly caughtUp: boolean;
}

export class Raft {
  readonly id: number;
  readonly log: RaftLog;
  role: Role = 'follower';
  term: number;
  vote: number;
  /** 0 = unknown. */
  leaderId = 0;
  /** While false this member does not stand for election (its application or disk does not make progress). */
  mayCampaign = true;
  /** While true no committed entries are handed out (the application is behind). */
  applyPaused = false;

  readonly #options: RaftOptions;
  readonly #limits: RaftLimits;
  readonly #roundTrips = new RoundTrips();
  readonly #votes = new Map<number, boolean>();
  #leader: Leader | undefined;
  #ticks = 0;
  readonly #clock: ElectionClock;
  /** Others have gone on without this member. */
  #removed = false;
  /** The last append that was accepted. */
  #acknowledged = { term: 0, index: 0 };
  #messages: Message[] = [];
  #afterWrite: Message[] = [];
  #reads: ReadState[] = [];
  /** What is on disk, and what is being written. */
  #durable: HardState;
  /** The commit index is written even when nothing else is. */
  #commitDue = false;
  #writing: ReadyWrite | undefined;

  constructor(options: RaftOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options };
    this.id = options.id;
    this.term = options.hardState.term;
    this.vote = options.hardState.vote;
    this.#durable = options.hardState;
    this.#clock = new ElectionClock(options.electionTicks);
    this.log = new RaftLog(options.log, options.hardState.commit, options.applied, options.configuration);
    this.#becomeFollower(this.term, 0);
  }

  // --- inputs ---

  /** One unit of time has passed. */
  tick(): void {
    this.#ticks++;
    if (this.#ticks % commitWriteTicks === 0) this.#commitDue = this.log.committed !== this.#durable.commit;
    this.#clock.tick(this.#roundTrip());
    if (this.#leader) {
      if (!this.#leader.tick()) this.#becomeFollower(this.term, 0);
    } else if (this.#clock.expired && this.#promotable()) this.#campaign('pre-vote', false);
  }

  /** Only a leader takes proposals; a follower's node forwards them. */
  propose(proposed: readonly ProposedEntry[]): ProposeResult {
    return this.#leader ? this.#leader.propose(proposed) : { ok: false, reason: 'not-leader' };
  }

  /**
   * Appends the configuration that the change leads to, and sees it through (dissertation, chapter 4). `origin` and `sequence` mark the
   * entry like a proposal's; both 0: the leader's own wish.
   */
  changeMembership(change: MembershipChange, origin = 0, sequence = 0): ChangeResult {
    return this.#leader ? this.#leader.changeMembership(change, origin, sequence) : { ok: false, reason: 'not-leader' };
  }

  /** What the leader would change by itself now; undefined: nothing, or it does not lead. */
  autopilotChange(stableTicks: number): MembershipChange | undefined {
    const leader = this.#leader;
    if (!leader?.committedInTerm) return undefined;
    const caughtUpTicks = (id: number) => leader.caughtUpTicks(id);
    return planAutopilot({ configuration: this.configuration, caughtUpTicks, stableTicks });
  }

  /** Asks for a read index; the answer comes in `ready().reads` with `context`. False: no leader is known. Answers may be lost: ask again. */
  readIndex(context: number): boolean {
    if (this.#leader) this.#leader.read(this.id, context);
    else if (this.leaderId !== 0) this.#send({ type: 'read-index', to: this.leaderId, context });
    else return false;
    return true;
  }

  /** `target` 0: the most advanced voter. A follower passes it on. False: no leader is known, or the target could not take over at once. */
  transferLeadership(target: number): boolean {
    if (this.#leader) return this.#leader.beginTransfer(target);
    if (this.leaderId === 0) return false;
    this.#send({ type: 'transfer-leader', to: this.leaderId, context: target });
    return true;
  }

  /** The transfer of a snapshot to `to` has ended. */
  reportSnapshot(to: number, ok: boolean): void {
    this.#leader?.replicator.reportSnapshot(to, ok);
  }

  /** Messages to `to` may have been lost. */
  reportUnreachable(to: number): void {
    this.#leader?.replicator.reportUnreachable(to);
  }

  /**
   * The process of `id` has ended, as far as this member can see: its streams are closed, and nobody listens where it did. That may be
   * wrong or out of date, so it only ends the waiting for that leader: the voters stand for election right away, one after the other
   * so that they do not split the votes, and whoever still hears the leader refuses them as ever.
   */
  reportGone(id: number): void {
    if (this.leaderId !== id || this.role !== 'follower') return;
    this.leaderId = 0;
    const others = allMembers(this.configuration).filter((one) => one !== id && isVoter(this.configuration, one));
    const turn = others.toSorted((a, b) => a - b).indexOf(this.id);
    if (turn >= 0) this.#clock.hurry(turn * (candidacyTicks + 2 * this.#roundTrips.told));
  }

  /**
   * A peer says that this member is in no configuration since the one at `configurationIndex`, which is committed. It then stops standing
   * for election. False: this member knows a newer one.
   */
  reportRemoved(configurationIndex: number): boolean {
    const { index, configuration } = this.log.configurations.current;
    if (configuration.members.length === 0 || index >= configurationIndex) return false;
    this.#removed = true;
    return true;
  }

  /** A message of a peer. Any message may come late, twice, out of order or never. */
  step(received: Message): void {
    if (received.term === 0) this.#stepTermless(received);
    else if (received.term > this.term) this.#stepHigherTerm(received);
    else if (received.term < this.term) this.#stepLowerTerm(received);
    else this.#stepSameTerm(received);
  }

  // --- outputs ---

  hasReady(): boolean {
    return (
      this.#messages.length > 0 ||
      this.#reads.length > 0 ||
      (this.#leader !== undefined && (this.#leader.wantsFlush || this.#leader.removed)) ||
      (!this.applyPaused && this.log.hasCommittedToHandOut()) ||
      (!this.#writing && (this.#afterWrite.length > 0 || this.log.unstable.hasUnwritten() || this.#hardStateChanged()))
    );
  }

  /** See ready.ts for the contract. */
  ready(): Ready {
    const write = this.#writing ? undefined : this.#takeWrite();
    this.#leader?.flush();
    if (this.#leader?.removed) this.#handOver(this.#leader);
    const messages = this.#messages;
    const reads = this.#reads;
    this.#messages = [];
    this.#reads = [];
    const committed = this.applyPaused ? [] : this.log.takeCommitted(this.#limits.maxCommittedBytes);
    return { messages, committed, reads, write };
  }

  /** The last `ready().write` is on disk. */
  advance(): void {
    const written = this.#writing;
    assert(written, 'advance without a write');
    this.#writing = undefined;
    if (written.hardState) this.#durable = written.hardState;
    if (written.snapshot) this.log.unstable.stableSnapshotTo(written.snapshot.index);
    const last = written.entries.at(-1);
    if (last) this.log.unstable.stableTo(last.index, last.term);
    if (this.#leader) this.#leader.acknowledgeOwn(this.log.unstable.offset - 1);
    else if (this.role === 'candidate' && this.#durable.term === this.term && this.#durable.vote === this.id)
      this.#countVote(this.id, true);
  }

  /** The newest in the log, committed or not: the one that counts (dissertation, 4.1). */
  get configuration(): Configuration {
    return this.log.configurations.current.configuration;
  }

  /** Shortest and longest election timeout at present, in ticks. */
  get electionTicks(): readonly [number, number] {
    return this.#clock.range;
  }

  get removed(): boolean {
    return (
      this.#removed || (this.configuration.members.length > 0 && !allMembers(this.configuration).includes(this.id))
    );
  }

  get transferring(): boolean {
    return this.#leader?.transferring ?? false;
  }

  /** The leader has committed an entry of its own term, so its commit index is current. */
  get committedInTerm(): boolean {
    return this.#leader?.committedInTerm ?? false;
  }

  /** On the leader: the first index that some follower that answers still needs. */
  get neededIndex(): number {
    return this.#leader?.replicator.neededIndex() ?? Number.POSITIVE_INFINITY;
  }

  /** On the leader: at member `id` somebody waits until `index` is committed. Of use with `lazyCommit`. */
  expectCommit(id: number, index: number): void {
    this.#leader?.replicator.expect(id, index);
  }

  /** On the leader: whether some follower may learn of the commit of `index` only with what comes next. */
  isCommitUntold(index: number): boolean {
    return this.#leader?.replicator.isCommitUntold(index) ?? false;
  }

  /** On the leader: it is not to wait for that any longer. */
  tellCommit(index: number): void {
    this.#leader?.replicator.tellCommit(index);
  }

  /** On the leader: who could lead as well as it at once; 0: nobody. */
  successor(): number {
    return this.#leader?.successor() ?? 0;
  }

  /** On the leader: how far everyone else is. */
  peers(): PeerProgress[] {
    const leader = this.#leader;
    if (!leader) return [];
    return [...leader.replicator.others()].map(([id, { match, state }]) => ({
      id,
      matchIndex: match,
      active: leader.replicator.isActive(id),
      state,
      caughtUp: leader.caughtUpTicks(id) !== undefined,
    }));
  }

  // --- roles ---

  #reset(term: number): void {
    if (term !== this.term) {
      assert(term > this.term, 'a term went back', { from: this.term, to: term });
      this.term = term;
      this.vote = 0;
    }
    this.leaderId = 0;
    this.#leader = undefined;
    this.#clock.redraw(this.#options.prng.float());
    this.#votes.clear();
  }

  #becomeFollower(term: number, leaderId: number): void {
    this.#reset(term);
    this.role = 'follower';
    this.leaderId = leaderId;
  }

  #becomeLeader(): void {
    this.#reset(this.term);
    this.role = 'leader';
    this.leaderId = this.id;
    this.#leader = new Leader(this.#leaderHost(), this.term, this.#options.heartbeatTicks);
  }

  #leaderHost(): LeaderHost {
    return {
      id: this.id,
      log: this.log,
      limits: this.#limits,
      roundTrips: this.#roundTrips,
      now: () => this.#ticks,
      electionTicks: () => this.#clock.range,
      random: () => this.#options.prng.float(),
      send: (fields) => this.#send(fields),
      answerRead: (to, context, index) => {
        if (to === this.id) this.#reads.push({ context, index });
        else {
          this.#send({ type: 'read-index-response', to, context, index });
          this.expectCommit(to, index);
        }
      },
    };
  }

  /** A leader that was voted out of the cluster names its successor, so that nobody waits for a timeout. */
  #handOver(leader: Leader): void {
    const successor = leader.mostAdvancedVoter();
    if (successor !== 0) leader.sendTimeoutNow(successor);
    this.#becomeFollower(this.term, 0);
  }

  // --- elections (dissertation, 3.4 and 9.6) ---

  /** A follower counts with what its leader measures, everyone else with what it measures itself. */
  #roundTrip(): number {
    const follows = this.leaderId !== 0 && !this.#leader;
    return follows ? this.#roundTrips.told : this.#roundTrips.toQuorum(this.configuration, this.id);
  }

  #promotable(): boolean {
    return this.mayCampaign && !this.#removed && this.#mayBeNeeded() && !this.log.unstable.snapshot;
  }

  /**
   * A voter; or one that leaves by an entry that is not known to be committed: its log may be the only one that can still win, and
   * without it nobody could end the change (dissertation, 4.2.2).
   */
  #mayBeNeeded(): boolean {
    const { configurations, committed } = this.log;
    return (
      isVoter(this.configuration, this.id) ||
      (configurations.current.index > committed && isVoter(configurations.at(committed).configuration, this.id))
    );
  }

  #campaign(kind: 'pre-vote' | 'vote', force: boolean): void {
    if (kind === 'pre-vote') {
      // The term does not move: a member that cannot win must not disturb.
      this.#reset(this.term);
      this.role = 'pre-candidate';
    } else {
      this.#reset(this.term + 1);
      this.role = 'candidate';
      this.vote = this.id;
    }
    const fields = { term: this.role === 'candidate' ? this.term : this.term + 1, force, context: this.#ticks };
    for (const to of allMembers(this.configuration)) {
      if (to === this.id || !isVoter(this.configuration, to)) continue;
      const [index, logTerm] = [this.log.lastIndex(), this.log.lastTerm()];
      this.#sendAfterWrite({ type: kind, to, index, logTerm, ...fields });
    }
    // A pre-vote for oneself promises nothing; a vote for oneself counts in advance(), when it is on disk.
    if (kind === 'pre-vote') this.#countVote(this.id, true);
  }

  #countVote(from: number, granted: boolean): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted);
    const result = quorumVote(this.configuration, this.#votes);
    if (result === 'pending') return;
    if (result === 'lost') this.#becomeFollower(this.term, 0);
    else if (this.role === 'pre-candidate') this.#campaign('vote', false);
    else this.#becomeLeader();
  }

  #stepVoteRequest(received: Message): void {
    const { from, type, context } = received;
    const preVote = type === 'pre-vote';
    const free =
      this.vote === from || (this.vote === 0 && this.leaderId === 0) || (preVote && received.term > this.term);
    const granted = free && this.log.isUpToDate(received.index, received.logTerm);
    if (granted && !preVote) {
      this.vote = from;
      this.#clock.restart();
    }
    this.#sendAfterWrite({
      type: preVote ? 'pre-vote-response' : 'vote-response',
      to: from,
      term: granted ? received.term : this.term,
      reject: !granted,
      context,
    });
  }

  // --- messages, by term ---

  #stepTermless(received: Message): void {
    const { type, from, context, index } = received;
    if (type === 'read-index') this.#leader?.read(from, context);
    else if (type === 'transfer-leader') this.#leader?.beginTransfer(context);
    else if (type === 'read-index-response') this.#reads.push({ context, index });
  }

  #stepHigherTerm(received: Message): void {
    const { type } = received;
    if (type === 'vote' || type === 'pre-vote') {
      const heardLeader = this.role === 'leader' || (this.leaderId !== 0 && this.#clock.fresh);
      if (heardLeader && !received.force) return;
    }
    const keepsTerm = type === 'pre-vote' || (type === 'pre-vote-response' && !received.reject);
    if (!keepsTerm) {
      const fromLeader = type === 'append' || type === 'heartbeat' || type === 'snapshot';
      this.#becomeFollower(received.term, fromLeader ? received.from : 0);
    }
    this.#stepSameTerm(received);
  }

  #stepLowerTerm(received: Message): void {
    const { type, from, context } = received;
    // A leader that was cut off learns the new term; a candidate of an older term learns why it gets no answer.
    if (type === 'append' || type === 'heartbeat' || type === 'snapshot')
      this.#sendAfterWrite({ type: 'append-response', to: from, term: this.term });
    else if (type === 'pre-vote')
      this.#sendAfterWrite({ type: 'pre-vote-response', to: from, term: this.term, reject: true, context });
  }

  #stepSameTerm(received: Message): void {
    const { type, from, reject, context } = received;
    switch (type) {
      case 'vote':
      case 'pre-vote':
        this.#stepVoteRequest(received);
        break;
      case 'vote-response':
      case 'pre-vote-response':
        if (this.role === 'follower' || this.role === 'leader') break;
        this.#roundTrips.record(from, this.#ticks - context);
        if (this.role === (type === 'vote-response' ? 'candidate' : 'pre-candidate')) this.#countVote(from, !reject);
        break;
      case 'timeout-now':
        if (this.role !== 'leader' && this.#promotable()) this.#campaign('vote', true);
        break;
      case 'append':
      case 'heartbeat':
      case 'snapshot':
        this.#stepFromLeader(received);
        break;
      case 'append-response':
      case 'heartbeat-response':
        this.#leader?.stepFromFollower(received);
        break;
      default:
        break;
    }
  }

  // --- follower ---

  #stepFromLeader(received: Message): void {
    assert(this.role !== 'leader', 'two leaders in one term', { term: this.term, other: received.from });
    if (this.role !== 'follower') this.#becomeFollower(this.term, received.from);
    this.leaderId = received.from;
    this.#clock.restart();
    this.#removed = false;
    if (received.type === 'append') this.#handleAppend(received);
    else if (received.type === 'snapshot') this.#handleSnapshot(received);
    else this.#handleHeartbeat(received);
  }

  #handleAppend(received: Message): void {
    const answer = { type: 'append-response', to: received.from, term: this.term } as const;
    if (received.index < this.log.committed) {
      this.#sendAfterWrite({ ...answer, index: this.log.committed });
      return;
    }
    const { index, logTerm, commit, entries } = received;
    const committedBefore = this.log.committed;
    const last = this.log.maybeAppend(index, logTerm, commit, entries);
    if (last !== undefined) {
      // The leader only says that more is committed: it has, or will get, the same acknowledgement of this term already.
      const newsOnly = entries.length === 0 && this.log.committed > committedBefore;
      const { term, index: acknowledged } = this.#acknowledged;
      if (newsOnly && term === this.term && acknowledged === last) return;
      this.#acknowledged = { term: this.term, index: last };
      this.#sendAfterWrite({ ...answer, index: last });
      return;
    }
    // The leader may skip everything of ours that is newer than what it has before `index`.
    const hint = this.log.conflictIndex(index, logTerm);
    this.#sendAfterWrite({ ...answer, index, reject: true, rejectHint: hint.index, logTerm: hint.term });
  }

  #handleHeartbeat(received: Message): void {
    this.log.commitTo(received.commit);
    this.#roundTrips.follow(received.rejectHint);
    const { from: to, context, index } = received;
    const answer = {
      type: 'heartbeat-response',
      to,
      term: this.term,
      context,
      index,
      reject: !this.mayCampaign,
    } as const;
    // It says only that this member is in this term, so a slow disk need not delay it once the term is there.
    if (this.#durable.term === this.term) this.#send(answer);
    else this.#sendAfterWrite(answer);
  }

  #handleSnapshot(received: Message): void {
    const snapshot = received.snapshot;
    assert(snapshot, 'a snapshot message without its description');
    if (snapshot.index > this.log.committed) {
      // When the log already has what the snapshot ends with, it only moves the commit index.
      if (this.log.matches(snapshot.index, snapshot.term)) this.log.commitTo(snapshot.index);
      else this.log.restore(snapshot);
    }
    this.#sendAfterWrite({ type: 'append-response', to: received.from, term: this.term, index: this.log.committed });
  }

  // --- output helpers ---

  #send(fields: OutgoingFields): void {
    this.#messages.push(message({ from: this.id, ...fields }));
  }

  /** For everything that says what this member has promised or stored. */
  #sendAfterWrite(fields: OutgoingFields): void {
    this.#afterWrite.push(message({ from: this.id, ...fields }));
  }

  /** Losing the commit index costs nothing but a message of the leader, so it seldom needs a write of its own. */
  #hardStateChanged(): boolean {
    const { term, vote, commit } = this.#durable;
    return term !== this.term || vote !== this.vote || (this.#commitDue && commit !== this.log.committed);
  }

  #takeWrite(): ReadyWrite | undefined {
    const changed = this.#hardStateChanged();
    if (!changed && !this.log.unstable.hasUnwritten() && this.#afterWrite.length === 0) return undefined;
    const { entries, snapshot } = this.log.unstable.takeUnwritten();
    const { term, vote, log } = this;
    const promised = term !== this.#durable.term || vote !== this.#durable.vote;
    const moved = log.committed !== this.#durable.commit && (entries.length > 0 || snapshot !== undefined);
    this.#commitDue = false;
    this.#writing = {
      hardState: changed || moved ? { term, vote, commit: log.committed } : undefined,
      entries,
      snapshot,
      mustSync: promised || entries.length > 0 || snapshot !== undefined,
      messages: this.#afterWrite,
    };
    this.#afterWrite = [];
    return this.#writing;
  }
}
