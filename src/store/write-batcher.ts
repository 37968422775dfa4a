/**
 * Gathers the commands of one turn of the event loop into as few entries as their size allows, and hands each its own result. When nothing is on
 * its way, a command does not wait for the rest of the turn: who writes alone would only lose time.
 */
import type { Proposer } from '../raft/types.ts';
import type { ApplyResult } from './apply.ts';
import { encodeBatch } from './batch.ts';
import { maxBatchBytes, maxBatchCommands } from './limits.ts';

/** Called once: with the result, or with the reason why there is none. */
export type Settle = (error: unknown, result: ApplyResult | undefined) => void;

export class WriteBatcher {
  readonly #proposer: Pick<Proposer<ApplyResult>, 'propose'>;
  #commands: Uint8Array[] = [];
  #settles: Settle[] = [];
  #bytes = 0;
  /** Entries that are proposed and not settled. */
  #inFlight = 0;

  constructor(proposer: Pick<Proposer<ApplyResult>, 'propose'>) {
    this.#proposer = proposer;
  }

  add(command: Uint8Array, settle: Settle): void {
    const full = this.#commands.length === maxBatchCommands || this.#bytes + command.length > maxBatchBytes;
    if (full && this.#commands.length > 0) this.#flush();
    if (this.#commands.push(command) === 1) {
      if (this.#inFlight === 0) queueMicrotask(this.#flushTurn);
      else setImmediate(this.#flushTurn);
    }
    this.#settles.push(settle);
    this.#bytes += command.length;
  }

  readonly #flushTurn = (): void => {
    if (this.#commands.length > 0) this.#flush();
  };

  #flush(): void {
    const commands = this.#commands;
    const settles = this.#settles;
    this.#commands = [];
    this.#settles = [];
    this.#bytes = 0;
    this.#inFlight++;
    const single = commands.length === 1;
    this.#proposer.propose(single ? commands[0]! : encodeBatch(commands)).then(
      (applied) => {
        this.#inFlight--;
        if (applied.type === 'batch')
          for (const [index, settle] of settles.entries()) settle(undefined, applied.results[index]);
        else for (const settle of settles) settle(undefined, applied);
      },
      (error: unknown) => {
        this.#inFlight--;
        for (const settle of settles) settle(error, undefined);
      },
    );
  }
}
