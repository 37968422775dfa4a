/**
 * The API thread's side of a member: hands committed entries to the state machine, settles the promises of proposals and reads,
 * takes snapshots.
 *
 * Invariants: entries reach the state machine in order and once; a proposal's promise settles with the result of its own entry here.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from '../lib/logger.ts';
import { decodeConfiguration, emptyConfiguration } from './core/configuration.ts';
import { changeOutcome, encodeChange, leaves } from './core/membership.ts';
import type { Configuration, EntryKind, ProposedEntry, SnapshotMeta } from './core/types.ts';
import { decodePack, encodeProposals } from './entry-codec.ts';
import { readSnapshot, SnapshotWriter, snapshotPath } from './snapshot-file.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import type { FromWorker, ToWorker } from './thread-messages.ts';
import { TokenBucket } from './token-bucket.ts';
import {
  type CallOptions,
  defaultProposalTimeoutMs,
  defaultSnapshotBytesPerSecond,
  type Leadership,
  type MembershipChange,
  ProposalError,
  type RaftMember,
  type RaftNode,
  type RaftNodeOptions,
  type RaftStatus,
  type StateMachine,
} from './types.ts';

const maxInflightProposals = 16_384;
const maxInflightBytes = 64 << 20;
const maxWaitingReads = 65_536;
/** The Raft thread hears of progress only so often: it allows four times as many batches, and sixteen times as many bytes, to be under way. */
const toldEveryBatches = 16;
const toldEveryBytes = 1 << 20;
const noCommand = new Uint8Array(0);
const nothing = () => undefined;
const sweepIntervalMs = 100;
const transferRepeatMs = 200;
const stopTimeoutMs = 3_000;
/** A snapshot up to this size is written at once. */
const unpacedSnapshotBytes = 8 << 20;
/** The Raft thread judges deadlines; when it is silent itself, this thread does so after this much more. */
const silentThreadGraceMs = 1_000;

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: ProposalError) => void;
  readonly deadlineMs: number;
  /** Bytes of the command; 0 for reads. */
  readonly bytes: number;
  readonly forget: () => void;
}

type ReadBatch = { waiters: Set<Waiter<void>>; index: number | undefined };

export class ThreadedRaftNode<Result> implements RaftNode<Result> {
  readonly #worker: Worker;
  readonly #options: RaftNodeOptions;
  readonly #stateMachine: StateMachine<Result>;
  readonly #logger: Logger;
  readonly #origin: number;
  readonly #onFatal: (error: Error) => void;
  readonly #sweeper: NodeJS.Timeout;
  readonly #listeners = new Set<(leadership: Leadership) => void>();

  #sequence = 0;
  #requestId = 0;
  readonly #proposals = new Map<number, Waiter<Result>>();
  #proposalBytes = 0;
  #outgoing: { proposed: ProposedEntry; timeoutMs: number }[] = [];
  readonly #reads = new Map<number, ReadBatch>();
  #readCount = 0;
  #openRead: { requestId: number; timeoutMs: number } | undefined;
  readonly #answers = new Map<number, (message: FromWorker) => void>();

  readonly #memberListeners = new Set<(members: readonly RaftMember[]) => void>();
  /** The applied one. */
  #configuration: Configuration = emptyConfiguration;
  #removed = false;
  #appliedIndex = 0;
  #appliedTerm = 0;
  /** Applied since the Raft thread was told. */
  #untoldBatches = 0;
  #untoldBytes = 0;
  #told = { term: 0, leaderId: 0 };
  #leadership: Leadership = { term: 0, leaderId: undefined, isLeader: false };
  readonly #snapshotSchedule: SnapshotSchedule;
  #snapshotRunning = false;
  #restores = Promise.resolve();
  #stopped = false;
  /** Settled when the member listens and has applied what it knew as committed when it started. */
  readonly started: Promise<void>;
  #startTarget = Number.POSITIVE_INFINITY;
  #listening = false;
  #resolveStarted: () => void = () => undefined;
  #rejectStarted: (error: Error) => void = () => undefined;

  constructor(
    worker: Worker,
    origin: number,
    options: RaftNodeOptions,
    stateMachine: StateMachine<Result>,
    logger: Logger,
  ) {
    const { snapshotEveryEntries: everyEntries = 10_000, snapshotEveryBytes: everyBytes = 64 << 20 } = options;
    this.#snapshotSchedule = new SnapshotSchedule({ everyEntries, everyBytes });
    this.#worker = worker;
    this.#origin = origin;
    this.#options = options;
    this.#stateMachine = stateMachine;
    this.#logger = logger;
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve;
      this.#rejectStarted = reject;
    });
    this.#onFatal =
      options.onFatal ??
      ((error) => {
        logger.fatal({ err: error }, 'consensus cannot go on; the process ends');
        process.exit(1);
      });
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs);
    worker.on('message', (message: FromWorker) => {
      try {
        this.#receive(message);
      } catch (error) {
        this.#fatal(error as Error);
      }
    });
    worker.on('error', (error: Error) => this.#fatal(error));
    worker.on('exit', (code) => {
      if (!this.#stopped) this.#fatal(new Error(`the Raft thread ended with code ${code}`));
    });
  }

  // --- Proposer ---

  propose(command: Uint8Array, options: CallOptions = {}): Promise<Result> {
    return this.#propose('command', command, options);
  }

  #propose(kind: EntryKind, command: Uint8Array, options: CallOptions): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const refusal = this.#refuseProposal(command, options);
    if (refusal) {
      reject(refusal);
      return promise;
    }
    const timeoutMs = options.timeoutMs ?? defaultProposalTimeoutMs;
    const sequence = ++this.#sequence;
    const forget = options.signal ? this.#abortable(sequence, options.signal) : nothing;
    const deadlineMs = performance.now() + timeoutMs + silentThreadGraceMs;
    this.#proposals.set(sequence, { resolve, reject, deadlineMs, bytes: command.length, forget });
    this.#proposalBytes += command.length;
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flushProposals());
    this.#outgoing.push({ proposed: { kind, origin: this.#origin, sequence, command }, timeoutMs });
    return promise;
  }

  /** Returns what ends it. */
  #abortable(sequence: number, signal: AbortSignal): () => void {
    const abort = () => {
      const queued = this.#outgoing.findIndex(({ proposed }) => proposed.sequence === sequence);
      if (queued >= 0) this.#outgoing.splice(queued, 1);
      const code = queued >= 0 ? 'refused' : 'unknown';
      this.#settle(sequence)?.reject(new ProposalError(code, 'the caller gave up'));
    };
    signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  }

  readBarrier(options: CallOptions = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#stopped) reject(new ProposalError('stopped', 'this member has stopped'));
    else if (options.signal?.aborted) reject(new ProposalError('refused', 'the caller gave up'));
    else if (this.#readCount >= maxWaitingReads) reject(new ProposalError('overloaded', 'too many reads wait'));
    else {
      const timeoutMs = options.timeoutMs ?? defaultProposalTimeoutMs;
      const open = this.#openReadBatch(timeoutMs);
      const abort = () => {
        if (open.waiters.delete(waiter)) this.#readCount--;
        waiter.reject(new ProposalError('refused', 'the caller gave up'));
      };
      const forget = () => options.signal?.removeEventListener('abort', abort);
      const deadlineMs = performance.now() + timeoutMs;
      const waiter: Waiter<void> = { resolve, reject, deadlineMs, bytes: 0, forget };
      options.signal?.addEventListener('abort', abort, { once: true });
      open.waiters.add(waiter);
      this.#readCount++;
    }
    return promise;
  }

  leadership(): Leadership {
    return this.#leadership;
  }

  onLeadership(listener: (leadership: Leadership) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- RaftNode ---

  async status(): Promise<RaftStatus> {
    const answer = await this.#ask((requestId) => ({ type: 'status', requestId }));
    if (answer.type !== 'status') throw new ProposalError('stopped', 'this member has stopped');
    // The state machine is here, so this thread knows best how far it is.
    return { ...answer.status, appliedIndex: this.#appliedIndex, isLeader: this.#leadership.isLeader };
  }

  async transferLeadership(memberId?: number, options: CallOptions = {}): Promise<void> {
    const before = this.#leadership.leaderId;
    const reached = ({ leaderId }: Leadership) =>
      leaderId !== undefined && (memberId === undefined ? leaderId !== before : leaderId === memberId);
    if (memberId !== undefined && reached(this.#leadership)) return;
    const { members, incoming } = this.#configuration;
    if (memberId !== undefined && members.length > 0 && !incoming.includes(memberId))
      throw new ProposalError('refused', `member ${memberId} is not a voter; voters are ${incoming.join(', ')}`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = this.onLeadership((leadership) => reached(leadership) && resolve());
    const timeoutMs = options.timeoutMs ?? defaultProposalTimeoutMs;
    let begun = false;
    // The target may be a moment behind, or the leader may change: ask until it is there.
    const ask = async () => {
      const answer = await this.#ask((requestId) => ({ type: 'transfer', requestId, target: memberId ?? 0 }));
      if (answer.type !== 'transfer-begun') reject(new ProposalError('stopped', 'this member has stopped'));
      else begun ||= answer.begun;
    };
    const repeat = setInterval(() => void ask().catch(reject), transferRepeatMs);
    const late = () =>
      begun
        ? new ProposalError('unknown', `leadership did not move within ${timeoutMs} ms`)
        : new ProposalError('refused', 'no leader is known, or no voter answers and is caught up');
    const timer = setTimeout(() => reject(late()), timeoutMs);
    const abort = () => reject(new ProposalError('unknown', 'the caller gave up'));
    options.signal?.addEventListener('abort', abort, { once: true });
    try {
      await ask();
      await promise;
    } finally {
      clearInterval(repeat);
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      done();
    }
  }

  members(): readonly RaftMember[] {
    const { members, learners } = this.#configuration;
    return members.map(({ id, name, address }) => ({ id, name, address, learner: learners.includes(id) }));
  }

  onMembers(listener: (members: readonly RaftMember[]) => void): () => void {
    this.#memberListeners.add(listener);
    return () => this.#memberListeners.delete(listener);
  }

  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<readonly RaftMember[]> {
    const { timeoutMs = defaultProposalTimeoutMs } = options;
    const untilMs = performance.now() + timeoutMs;
    // It settles when the first entry of the change is applied; from there on every leader sees it through.
    await this.#propose('change', encodeChange(change), options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => {
      const outcome = changeOutcome(change, this.#configuration);
      if (outcome === 'complete' || (this.#removed && leaves(change, this.#options.memberId))) resolve();
      else if (outcome === 'cancelled')
        reject(new ProposalError('refused', 'the new member was removed again before it could take its place'));
      else if (this.#stopped) reject(new ProposalError('unknown', 'this member has stopped; the change goes on'));
    };
    const done = this.onMembers(check);
    const late = new ProposalError('unknown', `begun, but not complete within ${timeoutMs} ms; it goes on`);
    const timer = setTimeout(() => reject(late), Math.max(0, untilMs - performance.now()));
    const abort = () => reject(new ProposalError('unknown', 'the caller gave up; the change goes on'));
    options.signal?.addEventListener('abort', abort, { once: true });
    try {
      check();
      await promise;
      return this.members();
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      done();
    }
  }

  #adoptConfiguration(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#removed = false;
    this.#tellMembers();
  }

  #tellMembers(): void {
    const members = this.members();
    for (const listener of this.#memberListeners) listener(members);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#end(new ProposalError('stopped', 'this member was stopped'));
    this.#post({ type: 'stop' });
    const hung = setTimeout(() => {
      this.#logger.warn({ stopTimeoutMs }, 'the Raft thread does not stop by itself; ending it');
      this.#worker.terminate().catch((error: Error) => this.#logger.error({ err: error }, 'it cannot be ended'));
    }, stopTimeoutMs);
    await exited;
    clearTimeout(hung);
  }

  // --- from the Raft thread ---

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'opened':
        this.#startTarget = message.commitIndex;
        this.#configuration = message.configuration;
        this.#restore(message.snapshot);
        break;
      case 'listening':
        this.#listening = true;
        this.#checkStarted();
        break;
      case 'committed':
        this.#apply(message.pack);
        break;
      case 'restore':
        this.#restore(message.snapshot);
        break;
      case 'failed':
        for (const { sequence, code, message: text } of message.failures)
          this.#settle(sequence)?.reject(new ProposalError(code, text));
        break;
      case 'reads-ready':
        for (const requestId of message.requestIds) {
          const batch = this.#reads.get(requestId);
          if (batch) batch.index = message.index;
        }
        this.#resolveReads();
        break;
      case 'reads-failed':
        for (const requestId of message.requestIds)
          this.#rejectReads(requestId, new ProposalError('no-leader', message.message));
        break;
      case 'leadership':
        this.#told = { term: message.term, leaderId: message.leaderId };
        this.#updateLeadership();
        break;
      case 'removed':
        this.#removed = true;
        this.#tellMembers();
        break;
      case 'transfer-begun':
      case 'status':
        this.#answers.get(message.requestId)?.(message);
        this.#answers.delete(message.requestId);
        break;
      case 'log':
        this.#logger[message.level](message.fields, message.message);
        break;
      case 'ping':
        this.#post({ type: 'pong' });
        break;
    }
  }

  #apply(pack: ArrayBuffer): void {
    if (this.#stopped) return;
    const entries = decodePack(new Uint8Array(pack));
    const settled: { sequence: number; result: Result }[] = [];
    let configuration = this.#configuration;
    for (const { index, term, kind, command, origin, sequence } of entries) {
      if (kind === 'configuration') configuration = decodeConfiguration(command);
      const result = this.#stateMachine.apply({ index, term, command: kind === 'command' ? command : noCommand });
      if (origin === this.#origin) settled.push({ sequence, result });
      this.#appliedIndex = index;
      this.#appliedTerm = term;
    }
    this.#snapshotSchedule.applied(entries.length, pack.byteLength);
    this.#stateMachine.applied(this.#appliedIndex);
    for (const { sequence, result } of settled) this.#settle(sequence)?.resolve(result);
    if (configuration !== this.#configuration) this.#adoptConfiguration(configuration);
    this.#tellApplied(pack.byteLength);
    this.#resolveReads();
    this.#updateLeadership();
    this.#checkStarted();
    this.#maybeSnapshot();
  }

  /** Each word to the other thread wakes it, so only some progress is worth one. */
  #tellApplied(bytes: number): void {
    this.#untoldBytes += bytes;
    if (++this.#untoldBatches < toldEveryBatches && this.#untoldBytes < toldEveryBytes) return;
    this.#untoldBatches = 0;
    this.#untoldBytes = 0;
    this.#post({ type: 'applied', index: this.#appliedIndex });
  }

  #restore(snapshot: SnapshotMeta): void {
    const restored = async () => {
      if (snapshot.index > 0) {
        const chunks = readSnapshot(snapshotPath(this.#options.dataDir, snapshot), snapshot);
        await this.#stateMachine.restore(this.#measured(chunks), snapshot.index);
        this.#logger.info({ index: snapshot.index, term: snapshot.term }, 'restored from a snapshot');
      }
      this.#appliedIndex = snapshot.index;
      this.#appliedTerm = snapshot.term;
      if (snapshot.configuration) this.#adoptConfiguration(snapshot.configuration);
      this.#snapshotSchedule.restart();
      this.#post({ type: 'restored', index: snapshot.index });
      this.#resolveReads();
      this.#updateLeadership();
      this.#checkStarted();
    };
    // A second snapshot may come while the first is read: one after the other.
    this.#restores = this.#restores.then(restored).catch((error: Error) => this.#fatal(error));
  }

  // --- helpers ---

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #ask(build: (requestId: number) => ToWorker): Promise<FromWorker> {
    if (this.#stopped) return Promise.reject(new ProposalError('stopped', 'this member has stopped'));
    const requestId = ++this.#requestId;
    return new Promise((resolve) => {
      this.#answers.set(requestId, resolve);
      this.#post(build(requestId));
    });
  }

  #refuseProposal(command: Uint8Array, options: CallOptions): ProposalError | undefined {
    if (this.#stopped) return new ProposalError('stopped', 'this member has stopped');
    if (options.signal?.aborted) return new ProposalError('refused', 'the caller gave up');
    const full =
      this.#proposals.size >= maxInflightProposals || this.#proposalBytes + command.length > maxInflightBytes;
    return full ? new ProposalError('overloaded', 'too many proposals in flight; try again later') : undefined;
  }

  #flushProposals(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    if (outgoing.length === 0 || this.#stopped) return;
    const pack = encodeProposals(outgoing.map(({ proposed }) => proposed)).buffer;
    this.#post({ type: 'propose', pack, timeoutsMs: outgoing.map(({ timeoutMs }) => timeoutMs) }, [pack]);
  }

  #settle(sequence: number): Waiter<Result> | undefined {
    const waiter = this.#proposals.get(sequence);
    if (!waiter) return undefined;
    this.#proposals.delete(sequence);
    this.#proposalBytes -= waiter.bytes;
    waiter.forget();
    return waiter;
  }

  #openReadBatch(timeoutMs: number): ReadBatch {
    if (!this.#openRead) {
      this.#openRead = { requestId: ++this.#requestId, timeoutMs };
      this.#reads.set(this.#openRead.requestId, { waiters: new Set(), index: undefined });
      queueMicrotask(() => {
        const open = this.#openRead!;
        this.#openRead = undefined;
        if (!this.#stopped) this.#post({ type: 'read', ...open });
      });
    }
    this.#openRead.timeoutMs = Math.max(this.#openRead.timeoutMs, timeoutMs);
    return this.#reads.get(this.#openRead.requestId)!;
  }

  #resolveReads(): void {
    for (const [requestId, { waiters, index }] of this.#reads) {
      if (index === undefined || index > this.#appliedIndex) continue;
      this.#reads.delete(requestId);
      this.#readCount -= waiters.size;
      for (const waiter of waiters) {
        waiter.forget();
        waiter.resolve();
      }
    }
  }

  #rejectReads(requestId: number, error: ProposalError): void {
    const batch = this.#reads.get(requestId);
    if (!batch) return;
    this.#reads.delete(requestId);
    this.#readCount -= batch.waiters.size;
    for (const waiter of batch.waiters) {
      waiter.forget();
      waiter.reject(error);
    }
  }

  #updateLeadership(): void {
    const { term, leaderId } = this.#told;
    const isLeader = leaderId === this.#options.memberId && this.#appliedTerm === term;
    const next: Leadership = { term, leaderId: leaderId === 0 ? undefined : leaderId, isLeader };
    const { term: oldTerm, leaderId: oldLeaderId, isLeader: wasLeader } = this.#leadership;
    if (oldTerm === term && oldLeaderId === next.leaderId && wasLeader === isLeader) return;
    this.#leadership = next;
    for (const listener of this.#listeners) listener(next);
  }

  #checkStarted(): void {
    if (this.#listening && this.#appliedIndex >= this.#startTarget) this.#resolveStarted();
  }

  #maybeSnapshot(): void {
    if (!this.#snapshotSchedule.due || this.#snapshotRunning || this.#stopped) return;
    // A member that joined does not know who belonged to the cluster before the log named it; whoever restored such a snapshot would not either.
    if (this.#configuration.members.length === 0) return;
    this.#snapshotRunning = true;
    this.#snapshotSchedule.restart();
    const snapshot = { index: this.#appliedIndex, term: this.#appliedTerm, configuration: this.#configuration };
    // The state machine takes the state of this very moment; the chunks may be read later.
    const chunks = this.#stateMachine.snapshot();
    this.#writeSnapshot(snapshot, chunks).then(
      () => {
        this.#snapshotRunning = false;
        if (!this.#stopped) this.#post({ type: 'snapshot-taken', snapshot });
      },
      (error: Error) =>
        this.#fatal(new Error(`snapshot at ${snapshot.index} failed: ${error.message}`, { cause: error })),
    );
  }

  async #writeSnapshot(
    snapshot: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { dataDir, snapshotBytesPerSecond = defaultSnapshotBytesPerSecond } = this.#options;
    const writer = await SnapshotWriter.create(dataDir, snapshot, 'own');
    const bucket = new TokenBucket(unpacedSnapshotBytes, performance.now());
    try {
      for await (const chunk of this.#measured(chunks)) {
        await writer.write(chunk);
        const pauseMs = bucket.take(chunk.length, snapshotBytesPerSecond, performance.now());
        // Nobody waits for it: writes of clients go first, on this thread and on the disk.
        if (pauseMs >= 1) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await writer.finish();
  }

  /** Notes how large the state is as a snapshot, when all of it has passed. */
  async *#measured(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
    this.#snapshotSchedule.measured(bytes);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [sequence, waiter] of this.#proposals)
      if (waiter.deadlineMs <= nowMs)
        this.#settle(sequence)?.reject(new ProposalError('unknown', 'the Raft thread does not answer'));
    const late = new ProposalError('no-leader', 'the read was not confirmed and applied before its deadline');
    for (const { waiters } of this.#reads.values())
      for (const waiter of waiters) {
        if (waiter.deadlineMs > nowMs) continue;
        waiters.delete(waiter);
        this.#readCount--;
        waiter.forget();
        waiter.reject(late);
      }
    for (const [requestId, { waiters, index }] of this.#reads)
      if (waiters.size === 0 && index !== undefined) this.#reads.delete(requestId);
  }

  #end(error: ProposalError): void {
    this.#stopped = true;
    clearInterval(this.#sweeper);
    for (const sequence of [...this.#proposals.keys()]) this.#settle(sequence)?.reject(error);
    for (const requestId of [...this.#reads.keys()]) this.#rejectReads(requestId, error);
    for (const answer of this.#answers.values()) answer({ type: 'ping' });
    this.#answers.clear();
    this.#told = { ...this.#told, leaderId: 0 };
    this.#updateLeadership();
    this.#tellMembers();
  }

  #fatal(error: Error): void {
    if (this.#stopped) return;
    this.#rejectStarted(error);
    this.#end(new ProposalError('stopped', `consensus has failed: ${error.message}`));
    if (!this.#listening) {
      // Not started yet: the caller of startRaftNode gets the error.
      this.#worker
        .terminate()
        .catch((cause: Error) => this.#logger.error({ err: cause }, 'the Raft thread does not end'));
      return;
    }
    this.#onFatal(error);
  }
}
