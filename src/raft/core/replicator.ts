/**
 * The leader's side of replication (Raft dissertation, 3.5 and 10.2.1): what each follower has, what it gets next, how much may be on
 * its way. Appends are pipelined within limits of count and bytes; a refused one skips back over whole terms.
 */
import { assert } from '../../lib/assert.ts';
import type { LeaderHost } from './leader-host.ts';
import { entryBytes } from './log.ts';
import { Progress } from './progress.ts';
import { allMembers } from './quorum.ts';
import type { Configuration, Entry, Message } from './types.ts';

export class Replicator {
  readonly #host: LeaderHost;
  readonly #term: number;
  readonly #progress = new Map<number, Progress>();
  /** Something may be sent that was not. */
  wanted = false;
  /** Every follower is to know of the commit up to here. */
  #toldTo = 0;

  constructor(host: LeaderHost, term: number, configuration: Configuration) {
    this.#host = host;
    this.#term = term;
    this.addMissing(configuration);
    // Give everyone one election timeout before silence counts.
    for (const progress of this.#progress.values()) progress.heardTick = host.now();
  }

  get(id: number): Progress | undefined {
    return this.#progress.get(id);
  }

  match(id: number): number {
    return this.#progress.get(id)?.match ?? 0;
  }

  /** Everyone but the leader itself. */
  *others(): Iterable<[number, Progress]> {
    for (const pair of this.#progress) if (pair[0] !== this.#host.id) yield pair;
  }

  isActive(id: number): boolean {
    if (id === this.#host.id) return true;
    const progress = this.#progress.get(id);
    return progress !== undefined && this.#host.now() - progress.heardTick <= this.#host.electionTicks()[1];
  }

  addMissing(configuration: Configuration): void {
    const { maxInflightMessages, maxInflightBytes } = this.#host.limits;
    for (const id of allMembers(configuration))
      if (!this.#progress.has(id))
        this.#progress.set(id, new Progress(this.#host.log.lastIndex() + 1, maxInflightMessages, maxInflightBytes));
  }

  /** Who left gets nothing more. */
  dropOthers(configuration: Configuration): void {
    const staying = new Set([this.#host.id, ...allMembers(configuration)]);
    for (const id of this.#progress.keys()) if (!staying.has(id)) this.#progress.delete(id);
  }

  broadcastHeartbeat(context: number, roundTripTicks: number): void {
    const { log, roundTrips } = this.#host;
    const now = this.#host.now();
    for (const [to, progress] of this.others()) {
      const rejectHint = Math.max(roundTripTicks, roundTrips.of(to) ?? 0);
      const commit = Math.min(progress.match, log.committed);
      this.#host.send({ type: 'heartbeat', to, term: this.#term, commit, context, index: now, rejectHint });
      // Should it be lost, the next one tells it.
      if (this.#host.limits.lazyCommit) progress.sentCommit = Math.max(progress.sentCommit, commit);
    }
  }

  handleHeartbeatResponse({ from, index: sentTick }: Message, progress: Progress): void {
    this.#host.roundTrips.record(from, this.#host.now() - sentTick);
    progress.probeSent = false;
    if (progress.state === 'replicate' && progress.inflights.full()) progress.inflights.freeFirst();
    // Also finds out that the last append was lost: an append that does not fit is refused.
    if (progress.match < this.#host.log.lastIndex() || progress.state === 'probe')
      this.sendAppend(from, progress, true);
    else progress.noteRound(progress.match, this.#host.now(), this.#host.electionTicks()[1]);
  }

  handleAppendRefusal({ from, index, rejectHint, logTerm }: Message, progress: Progress): void {
    const hint = this.#host.log.conflictIndex(rejectHint, logTerm).index;
    if (!progress.maybeDecrease(index, hint)) return;
    if (progress.state === 'replicate') progress.becomeProbe();
    this.sendAppend(from, progress, true);
  }

  /** True: the follower has more than was known. */
  handleAppendResponse({ index }: Message, progress: Progress): boolean {
    const { log } = this.#host;
    if (index > log.lastIndex()) return false;
    const moved = progress.maybeUpdate(index);
    if (progress.state === 'probe' && progress.match === index && index > 0) progress.becomeReplicate();
    else if (!moved) return false;
    else if (progress.state === 'replicate') progress.inflights.freeTo(index);
    else if (progress.state === 'snapshot' && progress.match + 1 >= log.firstIndex()) progress.becomeReplicate();
    progress.noteRound(log.lastIndex(), this.#host.now(), this.#host.electionTicks()[1]);
    this.wanted = true;
    return moved;
  }

  /** The transfer of a snapshot to `to` has ended. */
  reportSnapshot(to: number, ok: boolean): void {
    const progress = this.#progress.get(to);
    if (progress?.state !== 'snapshot') return;
    progress.snapshotEnded(ok, this.#host.now(), this.#host.electionTicks()[0], this.#host.random());
    if (!ok) progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // Wait for the follower's acknowledgement, or a heartbeat response, before the next append.
    progress.probeSent = true;
  }

  /** Messages to `to` may have been lost. */
  reportUnreachable(to: number): void {
    const progress = this.#progress.get(to);
    if (progress?.state === 'replicate') progress.becomeProbe();
  }

  /** The first index that some follower that is there still needs. */
  neededIndex(): number {
    let needed = Number.POSITIVE_INFINITY;
    for (const [id, { match }] of this.others()) if (this.isActive(id)) needed = Math.min(needed, match + 1);
    return needed;
  }

  /** At the follower somebody waits until `index` is committed and applied. */
  expect(id: number, index: number): void {
    const progress = this.#progress.get(id);
    if (!progress) return;
    progress.expects = Math.max(progress.expects, index);
    this.wanted = true;
  }

  tellCommit(index: number): void {
    this.#toldTo = Math.max(this.#toldTo, index);
    this.wanted = true;
  }

  /** Some follower has entries up to `index` on their way or on disk that it does not know as committed. */
  isCommitUntold(index: number): boolean {
    for (const [, { state, sentCommit, next }] of this.others())
      if (state === 'replicate' && sentCommit < Math.min(index, next - 1)) return true;
    return false;
  }

  /** A message with nothing but news of the commit can wait for entries that take them along. */
  #newsCanWait({ state, sentCommit, expects }: Progress): boolean {
    return this.#host.limits.lazyCommit && state === 'replicate' && Math.max(this.#toldTo, expects) <= sentCommit;
  }

  /** Sends every follower what it may get. Runs once per `ready`, so that what one turn brings travels together. */
  flush(): void {
    if (!this.wanted) return;
    this.wanted = false;
    for (const [id, progress] of this.others()) while (this.sendAppend(id, progress, false));
  }

  /** False: nothing was sent. `evenEmpty`: also when there is nothing that the follower does not know. */
  sendAppend(to: number, progress: Progress, evenEmpty: boolean): boolean {
    if (progress.paused()) return false;
    const { log, limits } = this.#host;
    const index = progress.next - 1;
    if (!evenEmpty && index === log.lastIndex() && log.committed <= progress.sentCommit) return false;
    const logTerm = log.term(index);
    const entries = log.entries(progress.next, limits.maxMessageBytes);
    if (logTerm === undefined || entries === undefined) return this.#sendSnapshot(to, progress);
    const last = index + entries.length;
    const commit = Math.min(log.committed, last);
    if (entries.length === 0 && !evenEmpty && (commit <= progress.sentCommit || this.#newsCanWait(progress)))
      return false;
    this.#host.send({ type: 'append', to, term: this.#term, index, logTerm, entries, commit: log.committed });
    progress.sentCommit = Math.max(progress.sentCommit, commit);
    if (entries.length > 0 || progress.state === 'probe') progress.sent(last, totalBytes(entries));
    return true;
  }

  #sendSnapshot(to: number, progress: Progress): boolean {
    // A follower that is away would only keep a transfer open.
    if (!this.isActive(to) || this.#host.now() < progress.nextSnapshotTick) return false;
    const { log } = this.#host;
    const snapshot = log.snapshot();
    assert(snapshot.index > 0, 'the log was cut off without a snapshot', { firstIndex: log.firstIndex() });
    progress.becomeSnapshot(snapshot.index);
    this.#host.send({ type: 'snapshot', to, term: this.#term, snapshot });
    return true;
  }
}

export function totalBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
