/**
 * Consensus of one member, in memory, for tests: commits everything proposed in one turn of the event loop as one batch in the next.
 * Leads term 1 from the start; `setTerm` plays an election.
 */
import {
  type CallOptions,
  type Leadership,
  ProposalError,
  type ProposalErrorCode,
  type Proposer,
  type StateMachine,
} from '../../raft/types.ts';
import { type ApplyResult, type CreatedStore, createStore, type StoreOptions } from '../index.ts';

export class MemoryProposer<Result> implements Proposer<Result> {
  readonly #machine: StateMachine<Result>;
  readonly #listeners = new Set<(leadership: Leadership) => void>();
  #pending: { command: Uint8Array; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #leadership: Leadership = { term: 1, leaderId: 1, isLeader: true };
  #failure: ProposalErrorCode | undefined;
  /** Every command that was committed, for replay on another state machine. */
  readonly log: { index: number; term: number; command: Uint8Array }[] = [];

  /** How many calls failed because of {@link setFailure}. */
  failedCalls = 0;

  constructor(machine: StateMachine<Result>) {
    this.#machine = machine;
  }

  propose(command: Uint8Array, _options?: CallOptions): Promise<Result> {
    if (this.#failure) return this.#fail(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.push({ command: Uint8Array.from(command), resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#commit());
    });
  }

  readBarrier(_options?: CallOptions): Promise<void> {
    if (this.#failure) return this.#fail(this.#failure);
    return new Promise((resolve) => setImmediate(resolve));
  }

  leadership(): Leadership {
    return this.#leadership;
  }

  onLeadership(listener: (leadership: Leadership) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From now on entries carry `term`. */
  setTerm(term: number): void {
    this.#leadership = { ...this.#leadership, term };
    for (const listener of this.#listeners) listener(this.#leadership);
  }

  /** Makes every call fail with `code`, or work again. */
  setFailure(code: ProposalErrorCode | undefined): void {
    this.#failure = code;
  }

  #fail(code: ProposalErrorCode): Promise<never> {
    this.failedCalls++;
    return Promise.reject(new ProposalError(code, `the test wants "${code}"`));
  }

  #commit(): void {
    const batch = this.#pending;
    this.#pending = [];
    const settled = batch.map(({ command, resolve, reject }) => {
      const entry = { index: this.log.length + 1, term: this.#leadership.term, command };
      this.log.push(entry);
      try {
        const result = this.#machine.apply(entry);
        return () => resolve(result);
      } catch (error) {
        return () => reject(error);
      }
    });
    this.#machine.applied(this.log.length);
    for (const settle of settled) settle();
  }
}

/** A working store of one replica. */
export function createMemoryStore(
  options?: StoreOptions,
): Omit<CreatedStore, 'attach'> & { proposer: MemoryProposer<ApplyResult> } {
  const { attach, ...created } = createStore(options);
  const proposer = new MemoryProposer(created.stateMachine);
  attach(proposer);
  return { ...created, proposer };
}
