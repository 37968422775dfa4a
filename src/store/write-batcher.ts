/** Gathers the commands of one turn of the event loop into as few entries as their size allows, and hands each its own result. */
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

  constructor(proposer: Pick<Proposer<ApplyResult>, 'propose'>) {
    this.#proposer = proposer;
  }

  add(command: Uint8Array, settle: Settle): void {
    const full = this.#commands.length === maxBatchCommands || this.#bytes + command.length > maxBatchBytes;
    if (full && this.#commands.length > 0) this.#flush();
    if (this.#commands.push(command) === 1) setImmediate(this.#flushTurn);
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
    const single = commands.length === 1;
    this.#proposer.propose(single ? commands[0]! : encodeBatch(commands)).then(
      (applied) => {
        if (applied.type === 'batch')
          for (const [index, settle] of settles.entries()) settle(undefined, applied.results[index]);
        else for (const settle of settles) settle(undefined, applied);
      },
      (error: unknown) => {
        for (const settle of settles) settle(error, undefined);
      },
    );
  }
}
