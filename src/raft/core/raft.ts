/**
 * The consensus state machine (Ongaro's dissertation): elections with PreVote and leader stickiness (9.6), CheckQuorum (6.2),
 * pipelined replication (10.2.1), ReadIndex (6.4), leadership transfer (3.10), snapshots (5). Pure: it has no clock (`tick`), no
 * network (`step`, messages in `ready`), no disk (`ready`, `advance`) and no randomness but the generator it is given.
 *
 * Invariants: at most one leader per term; a leader only appends; only entries of the leader's own term are committed by counting;
 * nothing that a message promises (a vote, an acknowledgement) leaves before it is on disk.
 */
import { assert } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import { Inflights } from './inflights.ts';
import { entryBytes, type LogReader, RaftLog } from './log.ts';
import { Progress } from './progress.ts';
import { allMembers, isVoter, quorumIndex, quorumVote } from './quorum.ts';
import { ReadOnly, type ReadRequest } from './read-only.ts';
import type { ReadState, Ready, ReadyWrite } from './ready.ts';
import {
  type Configuration,
  type Entry,
  type HardState,
  type Message,
  message,
  type ProposedEntry,
  type Role,
} from './types.ts';

export interface RaftOptions {
  readonly id: number;
  readonly configuration: Configuration;
  /** Shortest and longest election timeout, in ticks. Within the shortest a follower that hears a leader grants no vote. */
  readonly electionTicks: readonly [number, number];
  readonly heartbeatTicks: number;
  /** Commands in one append message; default 1 MiB. One entry always fits. */
  readonly maxMessageBytes?: number;
  /** Appends on their way to one follower; defaults 64 and 8 MiB. */
  readonly maxInflightMessages?: number;
  readonly maxInflightBytes?: number;
  /** Proposed and not yet committed; beyond it `propose` refuses. Default 64 MiB. */
  readonly maxUncommittedBytes?: number;
  /** Commands handed out in one `ready`; default 4 MiB. */
  readonly maxCommittedBytes?: number;
  /** Reads that wait for the leader's first commit; default 4,096. */
  readonly maxPendingReads?: number;
  readonly prng: Prng;
  readonly log: LogReader;
  readonly hardState: HardState;
  /** What the state machine already has (the snapshot it was restored from). */
  readonly applied: number;
}

export type ProposeResult =
  /** Appended to the leader's own log as [firstIndex, firstIndex + n) of `term`; not yet committed. */
  | { readonly ok: true; readonly firstIndex: number; readonly term: number }
  | { readonly ok: false; readonly reason: 'not-leader' | 'transferring' | 'overloaded' };

export class Raft {
  readonly id: number;
  readonly log: RaftLog;
  readonly configuration: Configuration;
  role: Role = 'follower';
  term: number;
  vote: number;
  /** 0 = unknown. */
  leaderId = 0;
  /** While false this member does not stand for election (its application does not make progress). */
  mayCampaign = true;
  /** While true no committed entries are handed out (the application is behind). */
  applyPaused = false;

  readonly #options: Required<RaftOptions>;
  readonly #progress = new Map<number, Progress>();
  readonly #votes = new Map<number, boolean>();
  readonly #readOnly = new ReadOnly();
  readonly #uncommitted: Inflights;
  #pendingReads: ReadRequest[] = [];
  #electionElapsed = 0;
  #heartbeatElapsed = 0;
  #electionTimeout = 0;
  #transferee = 0;
  #transferElapsed = 0;
  #flushWanted = false;
  #messages: Message[] = [];
  #afterWrite: Message[] = [];
  #reads: ReadState[] = [];
  /** What is on disk, and what is being written. */
  #durable: HardState;
  #writing: ReadyWrite | undefined;

  constructor(options: RaftOptions) {
    this.#options = {
      maxMessageBytes: 1 << 20,
      maxInflightMessages: 64,
      maxInflightBytes: 8 << 20,
      maxUncommittedBytes: 64 << 20,
      maxCommittedBytes: 4 << 20,
      maxPendingReads: 4096,
      ...options,
    };
    this.id = options.id;
    this.configuration = options.configuration;
    this.term = options.hardState.term;
    this.vote = options.hardState.vote;
    this.#durable = options.hardState;
    this.log = new RaftLog(options.log, options.hardState.commit, options.applied);
    this.#uncommitted = new Inflights(Number.POSITIVE_INFINITY, this.#options.maxUncommittedBytes);
    this.#becomeFollower(this.term, 0);
  }

  // --- inputs ---

  /** One unit of time has passed. */
  tick(): void {
    this.#electionElapsed++;
    if (this.role === 'leader') this.#tickLeader();
    else if (this.#electionElapsed >= this.#electionTimeout && this.#promotable()) this.#campaign('pre-vote', false);
  }

  /** Only a leader takes proposals; a follower's node forwards them. */
  propose(proposed: readonly ProposedEntry[]): ProposeResult {
    if (this.role !== 'leader') return { ok: false, reason: 'not-leader' };
    if (this.#transferee !== 0) return { ok: false, reason: 'transferring' };
    if (this.#uncommitted.full()) return { ok: false, reason: 'overloaded' };
    return { ok: true, firstIndex: this.#appendOwn(proposed), term: this.term };
  }

  /** Asks for a read index; the answer comes in `ready().reads` with `context`. False: no leader is known. Answers may be lost: ask again. */
  readIndex(context: number): boolean {
    if (this.role === 'leader') this.#leaderRead(this.id, context);
    else if (this.leaderId !== 0) this.#send({ type: 'read-index', from: this.id, to: this.leaderId, context });
    else return false;
    return true;
  }

  /** `target` 0: the most advanced voter. A follower passes it on. False: no leader is known, or nobody can take over. */
  transferLeadership(target: number): boolean {
    if (this.role === 'leader') return this.#beginTransfer(target);
    if (this.leaderId === 0) return false;
    this.#send({ type: 'transfer-leader', from: this.id, to: this.leaderId, context: target });
    return true;
  }

  /** The transfer of a snapshot to `to` has ended. */
  reportSnapshot(to: number, ok: boolean): void {
    const progress = this.#progress.get(to);
    if (this.role !== 'leader' || progress?.state !== 'snapshot') return;
    if (!ok) progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // Wait for the follower's acknowledgement, or a heartbeat response, before the next append.
    progress.probeSent = true;
  }

  /** Messages to `to` may have been lost. */
  reportUnreachable(to: number): void {
    const progress = this.#progress.get(to);
    if (this.role === 'leader' && progress?.state === 'replicate') progress.becomeProbe();
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
      this.#flushWanted ||
      (!this.applyPaused && this.log.hasCommittedToHandOut()) ||
      (!this.#writing && (this.#afterWrite.length > 0 || this.log.unstable.hasUnwritten() || this.#hardStateChanged()))
    );
  }

  /** See ready.ts for the contract. */
  ready(): Ready {
    const write = this.#writing ? undefined : this.#takeWrite();
    this.#flush();
    const messages = this.#messages;
    const reads = this.#reads;
    this.#messages = [];
    this.#reads = [];
    const committed = this.applyPaused ? [] : this.log.takeCommitted(this.#options.maxCommittedBytes);
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
    if (this.role === 'leader') this.#acknowledgeOwn();
    else if (this.role === 'candidate' && this.#durable.term === this.term && this.#durable.vote === this.id)
      this.#countVote(this.id, true);
  }

  get transferring(): boolean {
    return this.#transferee !== 0;
  }

  /** The leader has committed an entry of its own term, so its commit index is current. */
  get committedInTerm(): boolean {
    return this.role === 'leader' && this.log.term(this.log.committed) === this.term;
  }

  peers(): { id: number; matchIndex: number; active: boolean; state: string }[] {
    if (this.role !== 'leader') return [];
    return [...this.#progress]
      .filter(([id]) => id !== this.id)
      .map(([id, { match, recentActive, state }]) => ({ id, matchIndex: match, active: recentActive, state }));
  }

  // --- roles ---

  #reset(term: number): void {
    if (term !== this.term) {
      assert(term > this.term, 'a term went back', { from: this.term, to: term });
      this.term = term;
      this.vote = 0;
    }
    this.leaderId = 0;
    this.#electionElapsed = 0;
    this.#heartbeatElapsed = 0;
    this.#electionTimeout = this.#options.prng.integer(...this.#options.electionTicks);
    this.#transferee = 0;
    this.#flushWanted = false;
    this.#votes.clear();
    this.#progress.clear();
    this.#readOnly.reset();
    this.#pendingReads = [];
    this.#uncommitted.reset();
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
    for (const id of allMembers(this.configuration)) {
      const { maxInflightMessages, maxInflightBytes } = this.#options;
      const progress = new Progress(this.log.lastIndex() + 1, maxInflightMessages, maxInflightBytes);
      // Give everyone one election timeout before the first quorum check.
      progress.recentActive = true;
      this.#progress.set(id, progress);
    }
    this.#appendOwn([{ kind: 'empty', origin: 0, sequence: 0, command: new Uint8Array(0) }]);
  }

  #promotable(): boolean {
    return this.mayCampaign && isVoter(this.configuration, this.id) && !this.log.unstable.snapshot;
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
    const fields = { term: this.role === 'candidate' ? this.term : this.term + 1, force };
    for (const to of allMembers(this.configuration)) {
      if (to === this.id || !isVoter(this.configuration, to)) continue;
      const [index, logTerm] = [this.log.lastIndex(), this.log.lastTerm()];
      this.#sendAfterWrite({ type: kind, from: this.id, to, index, logTerm, ...fields });
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

  // --- messages, by term ---

  #stepTermless(received: Message): void {
    if (received.type === 'read-index' && this.role === 'leader') this.#leaderRead(received.from, received.context);
    else if (received.type === 'transfer-leader' && this.role === 'leader') this.#beginTransfer(received.context);
    else if (received.type === 'read-index-response')
      this.#reads.push({ context: received.context, index: received.index });
  }

  #stepHigherTerm(received: Message): void {
    const { type } = received;
    if (type === 'vote' || type === 'pre-vote') {
      const heardLeader =
        this.role === 'leader' || (this.leaderId !== 0 && this.#electionElapsed < this.#options.electionTicks[0]);
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
    const { type, from } = received;
    // A leader that was cut off learns the new term; a candidate of an older term learns why it gets no answer.
    if (type === 'append' || type === 'heartbeat' || type === 'snapshot')
      this.#sendAfterWrite({ type: 'append-response', from: this.id, to: from, term: this.term });
    else if (type === 'pre-vote')
      this.#sendAfterWrite({ type: 'pre-vote-response', from: this.id, to: from, term: this.term, reject: true });
  }

  #stepSameTerm(received: Message): void {
    switch (received.type) {
      case 'vote':
      case 'pre-vote':
        this.#stepVoteRequest(received);
        break;
      case 'vote-response':
        if (this.role === 'candidate') this.#countVote(received.from, !received.reject);
        break;
      case 'pre-vote-response':
        if (this.role === 'pre-candidate') this.#countVote(received.from, !received.reject);
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
        if (this.role === 'leader') this.#stepFromFollower(received);
        break;
      default:
        break;
    }
  }

  #stepVoteRequest(received: Message): void {
    const { from, type } = received;
    const preVote = type === 'pre-vote';
    const free =
      this.vote === from || (this.vote === 0 && this.leaderId === 0) || (preVote && received.term > this.term);
    const granted = free && this.log.isUpToDate(received.index, received.logTerm);
    if (granted && !preVote) {
      this.vote = from;
      this.#electionElapsed = 0;
    }
    this.#sendAfterWrite({
      type: preVote ? 'pre-vote-response' : 'vote-response',
      from: this.id,
      to: from,
      term: granted ? received.term : this.term,
      reject: !granted,
    });
  }

  // --- follower ---

  #stepFromLeader(received: Message): void {
    assert(this.role !== 'leader', 'two leaders in one term', { term: this.term, other: received.from });
    if (this.role !== 'follower') this.#becomeFollower(this.term, received.from);
    this.leaderId = received.from;
    this.#electionElapsed = 0;
    if (received.type === 'append') this.#handleAppend(received);
    else if (received.type === 'snapshot') this.#handleSnapshot(received);
    else this.#handleHeartbeat(received);
  }

  #handleAppend(received: Message): void {
    const answer = { type: 'append-response', from: this.id, to: received.from, term: this.term } as const;
    if (received.index < this.log.committed) {
      this.#sendAfterWrite({ ...answer, index: this.log.committed });
      return;
    }
    const { index, logTerm, commit, entries } = received;
    const last = this.log.maybeAppend(index, logTerm, commit, entries);
    if (last !== undefined) {
      this.#sendAfterWrite({ ...answer, index: last });
      return;
    }
    // The leader may skip everything of ours that is newer than what it has before `index`.
    const hint = this.log.conflictIndex(index, logTerm);
    this.#sendAfterWrite({ ...answer, index, reject: true, rejectHint: hint.index, logTerm: hint.term });
  }

  #handleHeartbeat(received: Message): void {
    this.log.commitTo(received.commit);
    const { from: to, context } = received;
    const answer = { type: 'heartbeat-response', from: this.id, to, term: this.term, context } as const;
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
    const [to, index] = [received.from, this.log.committed];
    this.#sendAfterWrite({ type: 'append-response', from: this.id, to, term: this.term, index });
  }

  // --- leader ---

  #tickLeader(): void {
    if (this.#electionElapsed >= this.#options.electionTicks[1]) {
      this.#electionElapsed = 0;
      if (!this.#quorumActive()) {
        this.#becomeFollower(this.term, 0);
        return;
      }
    }
    if (this.#transferee !== 0 && ++this.#transferElapsed >= this.#options.electionTicks[1]) this.#transferee = 0;
    if (++this.#heartbeatElapsed >= this.#options.heartbeatTicks) this.#broadcastHeartbeat();
  }

  #quorumActive(): boolean {
    const active = new Map<number, boolean>();
    for (const [id, progress] of this.#progress) {
      active.set(id, id === this.id || progress.recentActive);
      progress.recentActive = false;
    }
    return quorumVote(this.configuration, active) === 'won';
  }

  #broadcastHeartbeat(): void {
    this.#heartbeatElapsed = 0;
    for (const [to, progress] of this.#progress) {
      if (to === this.id) continue;
      const commit = Math.min(progress.match, this.log.committed);
      const context = this.#readOnly.round;
      this.#send({ type: 'heartbeat', from: this.id, to, term: this.term, commit, context });
    }
  }

  #appendOwn(proposed: readonly ProposedEntry[]): number {
    const firstIndex = this.log.lastIndex() + 1;
    const entries = proposed.map(
      ({ kind, origin, sequence, command }, position): Entry => ({
        index: firstIndex + position,
        term: this.term,
        kind,
        origin,
        sequence,
        command,
      }),
    );
    this.log.append(entries);
    this.#uncommitted.add(
      this.log.lastIndex(),
      entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
    );
    this.#flushWanted = true;
    return firstIndex;
  }

  /** What this leader has on disk counts like any follower's acknowledgement. */
  #acknowledgeOwn(): void {
    const own = this.#progress.get(this.id);
    if (own?.maybeUpdate(this.log.unstable.offset - 1)) this.#maybeCommit();
  }

  #maybeCommit(): void {
    const index = quorumIndex(this.configuration, (id) => this.#progress.get(id)?.match ?? 0);
    // Section 5.4.2: entries of earlier terms are committed only along with one of this term.
    if (index <= this.log.committed || !this.log.matches(index, this.term)) return;
    this.log.commitTo(index);
    this.#uncommitted.freeTo(index);
    this.#flushWanted = true;
    const reads = this.#pendingReads;
    this.#pendingReads = [];
    for (const read of reads) this.#leaderRead(read.from, read.context);
  }

  #stepFromFollower(received: Message): void {
    const progress = this.#progress.get(received.from);
    if (!progress) return;
    progress.recentActive = true;
    if (received.type === 'heartbeat-response') this.#handleHeartbeatResponse(received, progress);
    else if (received.reject) this.#handleAppendRefusal(received, progress);
    else this.#handleAppendResponse(received, progress);
  }

  #handleHeartbeatResponse(received: Message, progress: Progress): void {
    progress.probeSent = false;
    if (progress.state === 'replicate' && progress.inflights.full()) progress.inflights.freeFirst();
    // Also finds out that the last append was lost: an append that does not fit is refused.
    if (progress.match < this.log.lastIndex() || progress.state === 'probe')
      this.#sendAppend(received.from, progress, true);
    const safe = this.#readOnly.acknowledge(
      received.from,
      received.context,
      (acks) => quorumVote(this.configuration, acks) === 'won',
    );
    for (const read of safe) this.#answerRead(read);
  }

  #handleAppendRefusal(received: Message, progress: Progress): void {
    const hint = this.log.conflictIndex(received.rejectHint, received.logTerm).index;
    if (!progress.maybeDecrease(received.index, hint)) return;
    if (progress.state === 'replicate') progress.becomeProbe();
    this.#sendAppend(received.from, progress, true);
  }

  #handleAppendResponse(received: Message, progress: Progress): void {
    const { from, index } = received;
    if (index > this.log.lastIndex()) return;
    const moved = progress.maybeUpdate(index);
    if (progress.state === 'probe' && progress.match === index && index > 0) progress.becomeReplicate();
    else if (!moved) return;
    else if (progress.state === 'replicate') progress.inflights.freeTo(index);
    else if (progress.state === 'snapshot' && progress.match + 1 >= this.log.firstIndex()) progress.becomeReplicate();
    if (moved) this.#maybeCommit();
    this.#flushWanted = true;
    if (from === this.#transferee && progress.match === this.log.lastIndex()) this.#sendTimeoutNow(from);
  }

  /** Sends every follower what it may get. Runs once per `ready`, so that what one turn brings travels together. */
  #flush(): void {
    if (this.role !== 'leader') return;
    if (this.#readOnly.begin(this.id)) this.#broadcastHeartbeat();
    if (!this.#flushWanted) return;
    this.#flushWanted = false;
    for (const [id, progress] of this.#progress) {
      if (id === this.id) continue;
      while (this.#sendAppend(id, progress, false));
    }
  }

  /** False: nothing was sent. `evenEmpty`: also when there is nothing that the follower does not know. */
  #sendAppend(to: number, progress: Progress, evenEmpty: boolean): boolean {
    if (progress.paused()) return false;
    const index = progress.next - 1;
    const logTerm = this.log.term(index);
    const entries = this.log.entries(progress.next, this.#options.maxMessageBytes);
    if (logTerm === undefined || entries === undefined) return this.#sendSnapshot(to, progress);
    const last = index + entries.length;
    const commit = Math.min(this.log.committed, last);
    if (entries.length === 0 && commit <= progress.sentCommit && !evenEmpty) return false;
    this.#send({
      type: 'append',
      from: this.id,
      to,
      term: this.term,
      index,
      logTerm,
      entries,
      commit: this.log.committed,
    });
    progress.sentCommit = Math.max(progress.sentCommit, commit);
    if (entries.length > 0 || progress.state === 'probe')
      progress.sent(
        last,
        entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
      );
    return true;
  }

  #sendSnapshot(to: number, progress: Progress): boolean {
    // A follower that is away would only keep a transfer open.
    if (!progress.recentActive) return false;
    const snapshot = this.log.snapshot();
    assert(snapshot.index > 0, 'the log was cut off without a snapshot', { firstIndex: this.log.firstIndex() });
    progress.becomeSnapshot(snapshot.index);
    this.#send({ type: 'snapshot', from: this.id, to, term: this.term, snapshot });
    return true;
  }

  // --- reads ---

  #leaderRead(from: number, context: number): void {
    if (!this.committedInTerm) {
      // Section 6.4: until then the leader does not know what is committed. Beyond the limit the asker asks again.
      if (this.#pendingReads.length < this.#options.maxPendingReads)
        this.#pendingReads.push({ from, context, index: 0 });
      return;
    }
    const request = { from, context, index: this.log.committed };
    const alone = quorumVote(this.configuration, new Map([[this.id, true]])) === 'won';
    if (alone) this.#answerRead(request);
    else if (this.#readOnly.pending < this.#options.maxPendingReads) {
      this.#readOnly.add(request);
      this.#flushWanted = true;
    }
  }

  #answerRead({ from, context, index }: ReadRequest): void {
    if (from === this.id) this.#reads.push({ context, index });
    else this.#send({ type: 'read-index-response', from: this.id, to: from, context, index });
  }

  // --- leadership transfer ---

  #beginTransfer(target: number): boolean {
    const chosen = target === 0 ? this.#mostAdvancedVoter() : target;
    if (chosen === this.id || chosen === this.#transferee) return true;
    const progress = this.#progress.get(chosen);
    if (!progress || !isVoter(this.configuration, chosen)) return false;
    this.#transferee = chosen;
    this.#transferElapsed = 0;
    if (progress.match === this.log.lastIndex()) this.#sendTimeoutNow(chosen);
    else this.#sendAppend(chosen, progress, true);
    return true;
  }

  #mostAdvancedVoter(): number {
    let best = 0;
    let bestMatch = -1;
    for (const [id, progress] of this.#progress) {
      if (id === this.id || !isVoter(this.configuration, id)) continue;
      const match = progress.recentActive ? progress.match : -1;
      if (match > bestMatch) [best, bestMatch] = [id, match];
    }
    return best;
  }

  #sendTimeoutNow(to: number): void {
    this.#send({ type: 'timeout-now', from: this.id, to, term: this.term });
  }

  // --- output helpers ---

  #send(fields: Parameters<typeof message>[0]): void {
    this.#messages.push(message(fields));
  }

  /** For everything that says what this member has promised or stored. */
  #sendAfterWrite(fields: Parameters<typeof message>[0]): void {
    this.#afterWrite.push(message(fields));
  }

  #hardStateChanged(): boolean {
    const { term, vote, commit } = this.#durable;
    return term !== this.term || vote !== this.vote || commit !== this.log.committed;
  }

  #takeWrite(): ReadyWrite | undefined {
    const changed = this.#hardStateChanged();
    if (!changed && !this.log.unstable.hasUnwritten() && this.#afterWrite.length === 0) return undefined;
    const { entries, snapshot } = this.log.unstable.takeUnwritten();
    const promised = this.term !== this.#durable.term || this.vote !== this.#durable.vote;
    this.#writing = {
      hardState: changed ? { term: this.term, vote: this.vote, commit: this.log.committed } : undefined,
      entries,
      snapshot,
      mustSync: promised || entries.length > 0 || snapshot !== undefined,
      messages: this.#afterWrite,
    };
    this.#afterWrite = [];
    return this.#writing;
  }
}
