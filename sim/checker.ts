/**
 * What must always hold (Raft dissertation, figure 3.2), watched from outside of the members. It keeps the history of the whole run,
 * across crashes: who led which term, what was ever committed at which index, what clients were told.
 */
import type { Raft } from '../src/raft/core/raft.ts';
import type { Entry } from '../src/raft/core/types.ts';

export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface Observed {
  readonly id: number;
  readonly core: Raft;
}

const commandOf = (entry: Entry) => (entry.command.length === 0 ? '' : Buffer.from(entry.command).toString());

export class Checker {
  readonly #leaders = new Map<number, number>();
  /** By index; index 0 is unused. */
  readonly #committed: { term: number; command: string }[] = [{ term: 0, command: '' }];
  readonly #commandIndex = new Map<string, number>();
  readonly #acknowledged = new Set<string>();
  readonly #refused = new Set<string>();
  /** Highest index whose proposer has its answer. */
  acknowledgedIndex = 0;
  events = 0;
  elections = 0;

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** After every event. `acted` is the member to which it happened. */
  observe(acted: Observed): void {
    this.events++;
    const { core, id } = acted;
    if (core.role === 'leader') {
      const known = this.#leaders.get(core.term);
      if (known === undefined) {
        this.#leaders.set(core.term, id);
        this.elections++;
        this.#leaderCompleteness(acted);
      } else if (known !== id) throw new Violation(`election safety: ${known} and ${id} both led term ${core.term}`);
    }
    // What lies further back was looked at when it was new, or when it was applied.
    const low = Math.max(core.log.firstIndex(), this.#committed.length - 64);
    for (let index = low; index <= core.log.committed; index++) {
      const entry = core.log.entries(index, 1, index + 1)?.[0];
      if (entry) this.#recordCommitted(entry, id);
    }
  }

  /** Log matching: where two logs have an entry of the same index and term, they are the same up to there. */
  compareLogs(members: readonly Observed[]): void {
    for (const [position, one] of members.entries())
      for (const other of members.slice(position + 1)) this.#comparePair(one, other);
  }

  /** The state machine of a member got this entry. */
  applied(id: number, previousIndex: number, entry: Entry): void {
    if (entry.index !== previousIndex + 1)
      throw new Violation(`member ${id} applied ${entry.index} after ${previousIndex}`);
    this.#recordCommitted(entry, id);
  }

  acknowledged(command: string, index: number): void {
    this.#acknowledged.add(command);
    this.acknowledgedIndex = Math.max(this.acknowledgedIndex, index);
  }

  /** The proposer was told that the command is certainly not in the log. */
  refused(command: string): void {
    this.#refused.add(command);
    if (this.#commandIndex.has(command)) throw new Violation(`"${command}" was refused, but is committed`);
  }

  readDone(id: number, appliedIndex: number, floor: number): void {
    if (appliedIndex < floor)
      throw new Violation(`stale read: member ${id} read at ${appliedIndex}, ${floor} was acknowledged before`);
  }

  /** At the end of the liveness phase: everyone has the same, and nothing that was acknowledged is missing. */
  converged(states: readonly { readonly id: number; readonly items: readonly string[] }[]): void {
    for (const { id, items } of states) {
      const present = new Set(items);
      if (present.size !== items.length) throw new Violation(`member ${id} applied a command twice`);
      for (const command of this.#acknowledged)
        if (!present.has(command)) throw new Violation(`member ${id} lost "${command}", which was acknowledged`);
      if (JSON.stringify(items) !== JSON.stringify(states[0]!.items))
        throw new Violation(`members ${states[0]!.id} and ${id} differ`);
    }
  }

  #recordCommitted(entry: Entry, id: number): void {
    const command = commandOf(entry);
    const known = this.#committed[entry.index];
    if (known) {
      if (known.term !== entry.term || known.command !== command)
        throw new Violation(
          `state machine safety: member ${id} committed "${command}" of term ${entry.term} at ${entry.index}, ` +
            `before it was "${known.command}" of term ${known.term}`,
        );
      return;
    }
    if (entry.index !== this.#committed.length) return;
    this.#committed.push({ term: entry.term, command });
    if (command === '') return;
    const twice = this.#commandIndex.get(command);
    if (twice !== undefined) throw new Violation(`"${command}" is committed at ${twice} and ${entry.index}`);
    if (this.#refused.has(command)) throw new Violation(`"${command}" was refused, then committed at ${entry.index}`);
    this.#commandIndex.set(command, entry.index);
  }

  #leaderCompleteness({ id, core }: Observed): void {
    for (let index = core.log.firstIndex(); index < this.#committed.length; index++)
      if (core.log.term(index) !== this.#committed[index]!.term)
        throw new Violation(
          `leader completeness: member ${id} leads term ${core.term} without the committed entry ${index}`,
        );
  }

  #comparePair(one: Observed, other: Observed): void {
    const low = Math.max(one.core.log.firstIndex(), other.core.log.firstIndex());
    let agree = false;
    for (let index = Math.min(one.core.log.lastIndex(), other.core.log.lastIndex()); index >= low; index--) {
      const same = one.core.log.term(index) === other.core.log.term(index);
      if (agree && !same) throw new Violation(`log matching: ${one.id} and ${other.id} differ at ${index}`);
      agree ||= same;
      if (!agree) continue;
      const [a, b] = [one, other].map(({ core }) => core.log.entries(index, 1, index + 1)?.[0]);
      if (a && b && commandOf(a) !== commandOf(b))
        throw new Violation(`log matching: ${one.id} and ${other.id} have different commands at ${index}`);
    }
  }
}
