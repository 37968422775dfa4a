/**
 * The store as its users see it, over the local state and a {@link Proposer}. Writes go through the log and are decided where they
 * stand in it; reads are of this replica's memory.
 */
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Proposer } from '../raft/types.ts';
import type { ApplyResult } from './apply.ts';
import { hashUpTo, nextTurn, verify } from './background.ts';
import { type Command, puts } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import { KeepAliveBatcher } from './keep-alive-batcher.ts';
import { type LeaseKeeperOptions, runLeaseKeeper } from './lease-keeper.ts';
import { compactionUnits } from './limits.ts';
import { type Quota, usageOf } from './quota.ts';
import { firstRevision } from './state.ts';
import type { StoreStateMachine } from './store-state-machine.ts';
import type {
  CallOptions,
  HashMark,
  KeyValue,
  Lease,
  LeaseGrant,
  LeaseTimes,
  RangeRequest,
  RangeResult,
  RevisionHash,
  Store,
  StoreUsage,
  Transaction,
  TransactionResult,
  Verification,
  Watch,
  WatchHandlers,
  WatchRequest,
  WriteOptions,
} from './types.ts';
import { StoreError } from './types.ts';
import { WriteBatcher } from './write-batcher.ts';

export interface ReplicatedStoreOptions {
  readonly clock?: Clock | undefined;
  readonly quota: Quota;
  /** 64 random bits, for the ids of leases. */
  readonly randomId: () => bigint;
}

/** Ids that are tried for a lease whose id is ours to choose. */
const maxIdAttempts = 8;

export class ReplicatedStore implements Store {
  readonly #machine: StoreStateMachine;
  readonly #clock: Clock;
  readonly #quota: Quota;
  readonly #randomId: () => bigint;
  readonly #keepAlives: KeepAliveBatcher;
  #proposer: Proposer<ApplyResult> | undefined;
  #batcher: WriteBatcher | undefined;

  constructor(machine: StoreStateMachine, options: ReplicatedStoreOptions) {
    this.#machine = machine;
    this.#clock = options.clock ?? systemClock;
    this.#quota = options.quota;
    this.#randomId = options.randomId;
    this.#keepAlives = new KeepAliveBatcher(async (ids, writeOptions) => {
      const { ttlSeconds } = await this.#propose('lease-keep-alive', { ids }, writeOptions);
      return ttlSeconds;
    });
  }

  attach(proposer: Proposer<ApplyResult>): void {
    this.#proposer = proposer;
    this.#batcher = new WriteBatcher(proposer);
  }

  // --- reads of this replica's memory ---

  get revision(): number {
    return this.#machine.state.revision;
  }

  get compactedRevision(): number {
    return this.#machine.state.compactedRevision;
  }

  get(key: string, revision?: number): KeyValue | undefined {
    return this.#machine.state.get(key, revision);
  }

  range(request: RangeRequest): RangeResult {
    return this.#machine.state.range(request);
  }

  watch(request: WatchRequest, handlers: WatchHandlers): Watch {
    return this.#machine.watches.watch(request, handlers);
  }

  leases(): readonly Lease[] {
    return [...this.#machine.state.leases.values()].map(({ id, ttlSeconds }) => ({ id, ttlSeconds }));
  }

  timeToLive(id: bigint, withKeys = false): LeaseTimes | undefined {
    const lease = this.#machine.state.leases.get(id);
    if (!lease) return undefined;
    const remainingMs = this.#machine.leaseClock.remainingMs(lease);
    return {
      id: lease.id,
      ttlSeconds: lease.ttlSeconds,
      remainingSeconds: remainingMs < 0 ? -1 : Math.floor(remainingMs / 1000),
      ...(withKeys && { keys: [...lease.keys].sort() }),
    };
  }

  stateHash(): { appliedIndex: number; revision: number; hash: string } {
    const { appliedIndex, state } = this.#machine;
    return { appliedIndex, revision: state.revision, hash: state.hash() };
  }

  hashMarks(): readonly HashMark[] {
    return this.#machine.hashMarks;
  }

  usage(): StoreUsage {
    return usageOf(this.#machine.state, this.#quota);
  }

  // --- long readings of it ---

  async hashKv(revision?: number): Promise<RevisionHash> {
    const { state } = this.#machine;
    return hashUpTo(state, revision || state.revision);
  }

  verifyHash(
    options: { readonly signal?: AbortSignal | undefined; readonly pauseMs?: number | undefined } = {},
  ): Promise<Verification> {
    return verify(() => this.#machine.state, options);
  }

  snapshotStream(): AsyncIterable<Uint8Array> {
    const chunks = this.#machine.snapshot();
    return (async function* () {
      for (const chunk of chunks) {
        yield chunk;
        await nextTurn(0);
      }
    })();
  }

  // --- waiting ---

  async linearizable(options: CallOptions = {}): Promise<number> {
    try {
      await this.#attached().readBarrier(options);
    } catch (error) {
      throw new StoreError('unavailable', `cannot catch up with the leader: ${messageOf(error)}`, { cause: error });
    }
    return this.revision;
  }

  async waitForRevision(revision: number, options: CallOptions = {}): Promise<void> {
    if (this.revision >= revision) return;
    await this.#machine.waiters.wait(revision, options.signal, options.timeoutMs);
  }

  // --- writes ---

  async transact(transaction: Transaction, options: WriteOptions = {}): Promise<TransactionResult> {
    if (options.signal === undefined && options.timeoutMs === undefined)
      return new Promise((resolve, reject) => {
        this.#submit(transaction, options.fenceTerm, (error, result) => (result ? resolve(result) : reject(error)));
      });
    if (puts(transaction)) this.#checkSpace();
    const { result } = await this.#propose('transaction', { transaction }, options);
    return result;
  }

  submit(transaction: Transaction, done: (error: unknown, result: TransactionResult | undefined) => void): void {
    try {
      this.#submit(transaction, undefined, done);
    } catch (error) {
      setImmediate(done, error, undefined);
    }
  }

  #submit(
    transaction: Transaction,
    fenceTerm: number | undefined,
    done: (error: unknown, result: TransactionResult | undefined) => void,
  ): void {
    if (puts(transaction)) this.#checkSpace();
    if (!this.#batcher) throw notAttached();
    this.#batcher.add(encodeCommand({ type: 'transaction', fenceTerm, transaction }), (error, applied) => {
      if (applied?.type === 'transaction') done(undefined, applied.result);
      else if (applied?.type === 'error') done(applied.error, undefined);
      else if (applied) done(new StoreError('unknown-outcome', `the log answered with "${applied.type}"`), undefined);
      else done(notConfirmed(error), undefined);
    });
  }

  async compact(revision: number, options: WriteOptions = {}): Promise<void> {
    const { compactedRevision } = this;
    if (revision < firstRevision || (revision <= compactedRevision && compactedRevision > firstRevision))
      throw new StoreError('compacted', `revision ${revision} was compacted; the oldest is ${compactedRevision}`, {
        resumeRevision: compactedRevision + 1,
      });
    for (let fromKey: string | undefined = ''; fromKey !== undefined; ) {
      const { nextKey }: { nextKey: string | undefined } = await this.#propose(
        'compact',
        { revision, fromKey, maxUnits: compactionUnits },
        options,
      );
      fromKey = nextKey;
    }
  }

  async grantLease(
    request: { readonly id?: bigint | undefined; readonly ttlSeconds: number },
    options: WriteOptions = {},
  ): Promise<LeaseGrant> {
    this.#checkSpace();
    const ttlSeconds = Math.max(0, request.ttlSeconds);
    for (let attempt = 1; ; attempt++) {
      const id = request.id || this.#randomId() & 0x7fff_ffff_ffff_ffffn;
      try {
        const granted = await this.#propose('lease-grant', { id, ttlSeconds }, options);
        return { id: granted.id, ttlSeconds: granted.ttlSeconds, revision: granted.revision };
      } catch (error) {
        const isTaken = error instanceof StoreError && error.code === 'lease-exists';
        if (request.id || !isTaken || attempt === maxIdAttempts) throw error;
      }
    }
  }

  async revokeLease(id: bigint, options: WriteOptions = {}): Promise<number> {
    const { revision } = await this.#propose('lease-revoke', { id }, options);
    return revision;
  }

  async keepAlive(ids: readonly bigint[], options: WriteOptions = {}): Promise<(number | undefined)[]> {
    const { state, leaseClock } = this.#machine;
    const leads = this.#attached().leadership().isLeader;
    // On the leader the revocation of what is over is under way: it would most likely win, and who is told so now can act.
    const living = ids.filter((id) => {
      const lease = state.leases.get(id);
      return !leads || (lease !== undefined && leaseClock.remainingMs(lease) > 0);
    });
    if (living.length === 0) return ids.map(() => undefined);
    const ttlSeconds = await this.#keepAlives.keepAlive(living, options);
    const byId = new Map(living.map((id, i) => [id, ttlSeconds[i]]));
    return ids.map((id) => byId.get(id));
  }

  async markHash(options: WriteOptions = {}): Promise<HashMark> {
    const { mark } = await this.#propose('hash-mark', {}, options);
    return mark;
  }

  /** Ends leases and records what is left of them, while this replica leads. */
  startLeaseKeeper(options: LeaseKeeperOptions): void {
    const propose = (command: Command): Promise<ApplyResult> => this.#proposeCommand(command, {});
    runLeaseKeeper(this.#clock, this.#machine.leaseClock, propose, options);
  }

  #checkSpace(): void {
    const { alarm, bytes, quotaBytes } = this.usage();
    if (alarm)
      throw new StoreError(
        'no-space',
        `the store holds ${bytes} bytes of the ${quotaBytes} it may: delete keys or compact, it goes on by itself then`,
      );
  }

  async #propose<T extends Command['type'] & ApplyResult['type']>(
    type: T,
    body: Omit<Extract<Command, { type: T }>, 'type' | 'fenceTerm'>,
    options: WriteOptions,
  ): Promise<Extract<ApplyResult, { type: T }>> {
    const command = { type, fenceTerm: options.fenceTerm, ...body } as unknown as Command;
    const applied = await this.#proposeCommand(command, options);
    if (applied.type !== type) throw new StoreError('unknown-outcome', `the log answered with "${applied.type}"`);
    return applied as Extract<ApplyResult, { type: T }>;
  }

  async #proposeCommand(command: Command, options: WriteOptions): Promise<ApplyResult> {
    const bytes = encodeCommand(command);
    const proposer = this.#attached();
    let applied: ApplyResult;
    try {
      applied = await proposer.propose(bytes, { signal: options.signal, timeoutMs: options.timeoutMs });
    } catch (error) {
      throw notConfirmed(error);
    }
    if (applied.type === 'error') throw applied.error;
    return applied;
  }

  #attached(): Proposer<ApplyResult> {
    if (this.#proposer) return this.#proposer;
    throw notAttached();
  }
}

function notAttached(): StoreError {
  return new StoreError('unavailable', 'the store has not joined a cluster yet');
}

function notConfirmed(error: unknown): StoreError {
  return new StoreError(outcomeOf(error), `the write was not confirmed: ${messageOf(error)}`, { cause: error });
}

/** By code rather than by class: only the type of Raft's error is known here. */
function outcomeOf(error: unknown): 'unavailable' | 'unknown-outcome' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'refused' || code === 'overloaded' || code === 'no-leader' ? 'unavailable' : 'unknown-outcome';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
