/**
 * What a member does while it leads, for one term: proposals, commitment, reads, changes of the membership, transfer of leadership, and
 * noticing that it leads nobody any more. A new one is made at every election, so nothing of an earlier term survives.
 */
import { assert } from '../../lib/assert.ts';
import { encodeConfiguration, isJoint } from './configuration.ts';
import { Inflights } from './inflights.ts';
import type { LeaderHost } from './leader-host.ts';
import { leaveJoint, planChange } from './membership.ts';
import { quorumIndex, quorumVote } from './quorum.ts';
import { ReadOnly, type ReadRequest } from './read-only.ts';
import { Replicator, totalBytes } from './replicator.ts';
import type { Configuration, Entry, MembershipChange, Message, ProposedEntry } from './types.ts';

export type Appended = { readonly ok: true; readonly firstIndex: number; readonly term: number };
/** `transferring`: leadership is about to move, or has just come; ask again in a moment. */
export type ProposeResult =
  | Appended
  | { readonly ok: false; readonly reason: 'not-leader' | 'transferring' | 'overloaded' };
export type ChangeResult =
  | ProposeResult
  | { readonly ok: false; readonly reason: 'refused' /** For people. */; readonly message: string };

const noCommand = new Uint8Array(0);

export class Leader {
  readonly replicator: Replicator;
  readonly #host: LeaderHost;
  readonly #term: number;
  readonly #heartbeatTicks: number;
  readonly #readOnly = new ReadOnly();
  readonly #uncommitted: Inflights;
  /** They wait for this leader's first commit. */
  #pendingReads: ReadRequest[] = [];
  #heartbeatElapsed = 0;
  #transferee = 0;
  #transferElapsed = 0;
  /** The committed configuration is without this member. */
  #removed = false;

  constructor(host: LeaderHost, term: number, heartbeatTicks: number) {
    this.#host = host;
    this.#term = term;
    this.#heartbeatTicks = heartbeatTicks;
    this.#uncommitted = new Inflights(Number.POSITIVE_INFINITY, host.limits.maxUncommittedBytes);
    this.replicator = new Replicator(host, term, this.#configuration);
    this.#append([{ kind: 'empty', origin: 0, sequence: 0, command: noCommand }]);
  }

  get #configuration(): Configuration {
    return this.#host.log.configurations.current.configuration;
  }

  get transferring(): boolean {
    return this.#transferee !== 0;
  }

  /** An entry of this term is committed, so the commit index is current. */
  get committedInTerm(): boolean {
    const { log } = this.#host;
    return log.term(log.committed) === this.#term;
  }

  get wantsFlush(): boolean {
    return this.replicator.wanted || this.#readOnly.queuedCount > 0;
  }

  /** The committed configuration is without this member: flush, then step down. */
  get removed(): boolean {
    return this.#removed;
  }

  /** False: no majority answered for an election timeout (dissertation, 6.2), so somebody else may lead. */
  tick(): boolean {
    if (!this.#hasQuorum()) return false;
    if (this.transferring && ++this.#transferElapsed >= this.#host.electionTicks()[1]) this.#transferee = 0;
    if (++this.#heartbeatElapsed >= this.#heartbeatTicks) this.#broadcastHeartbeat();
    return true;
  }

  // --- proposals ---

  propose(proposed: readonly ProposedEntry[]): ProposeResult {
    if (this.transferring) return { ok: false, reason: 'transferring' };
    if (this.#uncommitted.full()) return { ok: false, reason: 'overloaded' };
    assert(
      proposed.every(({ kind }) => kind === 'command'),
      'only commands can be proposed',
    );
    return this.#append(proposed);
  }

  #append(proposed: readonly ProposedEntry[]): Appended {
    const { log } = this.#host;
    const term = this.#term;
    const firstIndex = log.lastIndex() + 1;
    let index = firstIndex;
    const entries = proposed.map(
      ({ kind, origin, sequence, command, checksum }): Entry => ({
        index: index++,
        term,
        kind,
        origin,
        sequence,
        command,
        checksum,
      }),
    );
    log.append(entries);
    this.#uncommitted.add(log.lastIndex(), totalBytes(entries));
    this.replicator.wanted = true;
    return { ok: true, firstIndex, term };
  }

  /** What this leader has on disk counts like any follower's acknowledgement. */
  acknowledgeOwn(stableIndex: number): void {
    if (this.replicator.get(this.#host.id)?.maybeUpdate(stableIndex)) this.#maybeCommit();
  }

  #maybeCommit(): void {
    const { log } = this.#host;
    const index = quorumIndex(this.#configuration, (id) => this.replicator.match(id));
    // Section 5.4.2: entries of earlier terms are committed only along with one of this term.
    if (index <= log.committed || !log.matches(index, this.#term)) return;
    log.commitTo(index);
    this.#uncommitted.freeTo(index);
    this.replicator.wanted = true;
    const reads = this.#pendingReads;
    if (reads.length > 0) {
      this.#pendingReads = [];
      for (const read of reads) this.read(read.from, read.context);
    }
    this.#completeChange();
  }

  // --- membership (dissertation, chapter 4) ---

  /** With the origin and sequence of the proposal that asks for it, so that the asker sees it committed. */
  changeMembership(change: MembershipChange, origin: number, sequence: number): ChangeResult {
    // A leader that has committed nothing yet does not know whether another change is under way.
    if (this.transferring || !this.committedInTerm) return { ok: false, reason: 'transferring' };
    const { log } = this.#host;
    const { index, configuration } = log.configurations.current;
    if (index > log.committed || isJoint(configuration))
      return {
        ok: false,
        reason: 'refused',
        message: 'another membership change is under way: try again when it is done',
      };
    const plan = planChange(
      {
        configuration,
        state: (id) => ({ active: this.replicator.isActive(id), caughtUp: this.caughtUpTicks(id) !== undefined }),
      },
      change,
    );
    if (!plan.ok) return { ok: false, reason: 'refused', message: plan.message };
    return this.#appendConfiguration(plan.configuration, origin, sequence);
  }

  /** For how many ticks the member has kept up with what is written; undefined: it does not. */
  caughtUpTicks(id: number): number | undefined {
    if (id === this.#host.id) return Number.POSITIVE_INFINITY;
    const limit = this.#host.electionTicks()[1];
    return this.replicator.get(id)?.caughtUpTicks(this.#host.log.lastIndex(), this.#host.now(), limit);
  }

  #appendConfiguration(configuration: Configuration, origin: number, sequence: number): Appended {
    const command = encodeConfiguration(configuration);
    const appended = this.#append([{ kind: 'configuration', origin, sequence, command }]);
    // It counts from now on. Who leaves still gets this entry, so as to know.
    this.replicator.addMissing(configuration);
    return appended;
  }

  /** The newest configuration may have been committed: a joint one is left, and a leader that is not in it ends. */
  #completeChange(): void {
    const { log, id } = this.#host;
    const { index, configuration } = log.configurations.current;
    if (index > log.committed) return;
    const final = leaveJoint(configuration);
    if (final) this.#appendConfiguration(final, 0, 0);
    else if (!configuration.incoming.includes(id)) this.#removed = true;
  }

  #hasQuorum(): boolean {
    const active = new Map<number, boolean>();
    for (const { id } of this.#configuration.members) active.set(id, this.replicator.isActive(id));
    return quorumVote(this.#configuration, active) === 'won';
  }

  // --- followers ---

  stepFromFollower(received: Message): void {
    const progress = this.replicator.get(received.from);
    if (!progress) return;
    progress.heardTick = this.#host.now();
    if (received.type === 'heartbeat-response') {
      progress.mayLead = !received.reject;
      this.replicator.handleHeartbeatResponse(received, progress);
      this.#acknowledgeRound(received.from, received.context);
    } else if (received.reject) this.replicator.handleAppendRefusal(received, progress);
    else {
      if (this.replicator.handleAppendResponse(received, progress)) this.#maybeCommit();
      if (received.from === this.#transferee && progress.match === this.#host.log.lastIndex())
        this.sendTimeoutNow(received.from);
    }
  }

  #broadcastHeartbeat(): void {
    this.#heartbeatElapsed = 0;
    const { roundTrips, id } = this.#host;
    this.replicator.broadcastHeartbeat(this.#readOnly.round, roundTrips.toQuorum(this.#configuration, id));
  }

  /** Sends what is wanted. Once per `ready`. */
  flush(): void {
    if (this.#readOnly.begin(this.#host.id)) this.#broadcastHeartbeat();
    this.replicator.flush();
    const { current } = this.#host.log.configurations;
    if (current.index <= this.#host.log.committed) this.replicator.dropOthers(current.configuration);
  }

  // --- reads (dissertation, 6.4) ---

  read(from: number, context: number): void {
    const { log, limits, id } = this.#host;
    if (!this.committedInTerm) {
      // Until then the leader does not know what is committed. Beyond the limit the asker asks again.
      if (this.#pendingReads.length < limits.maxPendingReads) this.#pendingReads.push({ from, context, index: 0 });
      return;
    }
    const request = { from, context, index: log.committed };
    const alone = quorumVote(this.#configuration, new Map([[id, true]])) === 'won';
    if (alone) this.#host.answerRead(from, context, request.index);
    else if (this.#readOnly.pending < limits.maxPendingReads) this.#readOnly.add(request);
  }

  #acknowledgeRound(from: number, round: number): void {
    const isQuorum = (acks: ReadonlyMap<number, boolean>) => quorumVote(this.#configuration, acks) === 'won';
    for (const { from: asker, context, index } of this.#readOnly.acknowledge(from, round, isQuorum))
      this.#host.answerRead(asker, context, index);
  }

  // --- transfer of leadership (dissertation, 3.10) ---

  /** `target` 0: the most advanced voter. False: it is no voter, or not one that could take over at once. */
  beginTransfer(target: number): boolean {
    const chosen = target === 0 ? this.mostAdvancedVoter() : target;
    if (chosen === this.#host.id || (chosen !== 0 && chosen === this.#transferee)) return true;
    const progress = this.replicator.get(chosen);
    if (!progress || !this.#mayTakeOver(chosen)) return false;
    if (target !== 0 && this.caughtUpTicks(chosen) === undefined) return false;
    this.#transferee = chosen;
    this.#transferElapsed = 0;
    if (progress.match === this.#host.log.lastIndex()) this.sendTimeoutNow(chosen);
    else this.replicator.sendAppend(chosen, progress, true);
    return true;
  }

  #mayTakeOver(id: number): boolean {
    const progress = this.replicator.get(id);
    if (progress?.state !== 'replicate' || !progress.mayLead) return false;
    return this.#configuration.incoming.includes(id) && this.replicator.isActive(id);
  }

  /** The most advanced voter that is caught up; 0: none. */
  successor(): number {
    return this.#mostAdvanced((id) => this.#mayTakeOver(id) && this.caughtUpTicks(id) !== undefined);
  }

  /** 0: none could take over. */
  mostAdvancedVoter(): number {
    return this.#mostAdvanced((id) => this.#mayTakeOver(id));
  }

  #mostAdvanced(qualifies: (id: number) => boolean): number {
    let best = 0;
    for (const [id, { match }] of this.replicator.others())
      if (qualifies(id) && (best === 0 || match > this.replicator.match(best))) best = id;
    return best;
  }

  sendTimeoutNow(to: number): void {
    this.#host.send({ type: 'timeout-now', to, term: this.#term });
  }
}
