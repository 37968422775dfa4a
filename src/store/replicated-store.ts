/**
 * The store as its users see it, over the local state and a {@link Proposer}. Writes go through the log and are decided where they
 * stand in it; reads are of this replica's memory.
 */
import type { CallOptions, Proposer } from '../raft/types.ts';
import type { ApplyResult } from './apply.ts';
import type { Command } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import type { StoreStateMachine } from './store-state-machine.ts';
import type {
  KeyValue,
  RangeRequest,
  RangeResult,
  Store,
  Transaction,
  TransactionResult,
  Watch,
  WatchHandlers,
  WatchRequest,
  WriteOptions,
} from './types.ts';
import { StoreError } from './types.ts';

export class ReplicatedStore implements Store {
  readonly #machine: StoreStateMachine;
  #proposer: Proposer<ApplyResult> | undefined;

  constructor(machine: StoreStateMachine) {
    this.#machine = machine;
  }

  attach(proposer: Proposer<ApplyResult>): void {
    this.#proposer = proposer;
  }

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

  stateHash(): { appliedIndex: number; revision: number; hash: string } {
    const { appliedIndex, state } = this.#machine;
    return { appliedIndex, revision: state.revision, hash: state.hash() };
  }

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

  async transact(transaction: Transaction, options: WriteOptions = {}): Promise<TransactionResult> {
    const applied = await this.#propose({ type: 'transaction', fenceTerm: options.fenceTerm, transaction }, options);
    if (applied.type !== 'transaction') throw unexpected(applied);
    return applied.result;
  }

  async compact(revision: number, options: WriteOptions = {}): Promise<void> {
    for (let fromKey: string | undefined = ''; fromKey !== undefined; ) {
      const applied = await this.#propose(
        { type: 'compact', fenceTerm: options.fenceTerm, revision, fromKey },
        options,
      );
      if (applied.type !== 'compact') throw unexpected(applied);
      fromKey = applied.nextKey;
    }
  }

  async #propose(command: Command, options: WriteOptions): Promise<ApplyResult> {
    const bytes = encodeCommand(command);
    const proposer = this.#attached();
    let applied: ApplyResult;
    try {
      applied = await proposer.propose(bytes, { signal: options.signal, timeoutMs: options.timeoutMs });
    } catch (error) {
      throw new StoreError(outcomeOf(error), `the write was not confirmed: ${messageOf(error)}`, { cause: error });
    }
    if (applied.type === 'error') throw applied.error;
    return applied;
  }

  #attached(): Proposer<ApplyResult> {
    if (this.#proposer) return this.#proposer;
    throw new StoreError('unavailable', 'the store has not joined a cluster yet');
  }
}

/** By code rather than by class: only the type of Raft's error is known here. */
function outcomeOf(error: unknown): 'unavailable' | 'unknown-outcome' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'refused' || code === 'overloaded' || code === 'no-leader' ? 'unavailable' : 'unknown-outcome';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unexpected(applied: ApplyResult): Error {
  return new StoreError('unknown-outcome', `the log answered with "${applied.type}"`);
}
