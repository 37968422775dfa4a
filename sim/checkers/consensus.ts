/**
 * What must always hold of the members' logs (Raft dissertation, figure 3.2), watched from outside after every turn of a Raft thread. The checker
 * keeps the history of the whole run, across crashes. All checks are incremental: each looks only at what is new.
 */
import { decodeConfiguration } from '../../src/raft/core/configuration.ts';
import type { Raft } from '../../src/raft/core/raft.ts';
import type { Configuration, Entry, Message, SnapshotMeta } from '../../src/raft/core/types.ts';
import type { CommittedEntry } from '../../src/raft/types.ts';
import { DurableLog } from './durable-log.ts';
import type { Judge } from './violation.ts';

interface Known {
  readonly entry: Entry;
  /** Term of the entry before it: with it, equality of one entry means equality of all before. */
  readonly previousTerm: number;
  /** The newest configuration entry up to here; undefined: there is none, the initial one counts. */
  readonly configuration: Entry | undefined;
}

/** One member's log as it was when last looked at. */
interface SeenLog {
  lastIndex: number;
  lastTerm: number;
  committed: number;
  snapshotIndex: number;
  /** By index. */
  terms: Map<number, number>;
}

export class ConsensusChecker {
  readonly #judge: Judge;
  readonly #initial: Configuration;
  readonly #leaders = new Map<number, number>();
  readonly #places = new Map<number, Known>();
  /** By index; index 0 is unused. */
  readonly #committed: Entry[] = [
    { index: 0, term: 0, kind: 'empty', origin: 0, sequence: 0, command: new Uint8Array(0) },
  ];
  /** By index: the term of the leader that committed it, or a later one. */
  readonly #committedIn: number[] = [0];
  readonly #seen = new Map<number, SeenLog>();
  readonly #durable = new Map<number, DurableLog>();
  /** By term: who is durably known to have voted for whom. */
  readonly #votes = new Map<number, Map<number, number>>();
  readonly #configurations = new Map<Entry, Configuration>();
  /** Members whose disk was replaced: what they promised is void. */
  readonly #excused = new Set<number>();
  elections = 0;
  onLeader: (id: number, term: number) => void = () => undefined;
  /** A leader has appended a configuration. */
  onConfiguration: (id: number, configuration: Configuration) => void = () => undefined;
  onCommitted: (id: number, entry: Entry) => void = () => undefined;
  /** A member's log lost its end to that of a leader. */
  onCut: (id: number) => void = () => undefined;

  constructor(initial: Configuration, judge: Judge) {
    this.#initial = initial;
    this.#judge = judge;
  }

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  committedEntry(index: number): Entry | undefined {
    return this.#committed[index];
  }

  /** Whether any member ever had it in its log. */
  appended(origin: number, sequence: number): boolean {
    for (const { entry } of this.#places.values())
      if (entry.origin === origin && entry.sequence === sequence) return true;
    return false;
  }

  durable(id: number): DurableLog {
    let durable = this.#durable.get(id);
    if (!durable) {
      durable = new DurableLog(id, this.#judge);
      this.#durable.set(id, durable);
    }
    return durable;
  }

  voted(id: number, term: number, candidate: number): void {
    let votes = this.#votes.get(term);
    if (!votes) {
      votes = new Map();
      this.#votes.set(term, votes);
    }
    const before = votes.get(id);
    if (before !== undefined && before !== candidate && !this.#excused.has(id))
      this.#judge.violation('one vote per term', `member ${id} voted for ${before} and ${candidate} in term ${term}`);
    votes.set(id, candidate);
  }

  excuse(id: number): void {
    this.#excused.add(id);
  }

  /** A member starts: its log is what its disk had. */
  started(id: number): void {
    this.#seen.delete(id);
  }

  /** A turn of the member's Raft thread is over. */
  observe(id: number, core: Raft): void {
    let seen = this.#seen.get(id);
    if (!seen) {
      seen = {
        lastIndex: 0,
        lastTerm: 0,
        committed: Math.max(0, core.log.firstIndex() - 1),
        snapshotIndex: 0,
        terms: new Map(),
      };
      this.#seen.set(id, seen);
    }
    const lastIndex = core.log.lastIndex();
    const lastTerm = core.log.term(lastIndex) ?? 0;
    const before = { index: seen.lastIndex, term: seen.lastTerm };
    if (lastIndex !== seen.lastIndex || lastTerm !== seen.lastTerm)
      this.#logMatching(id, core, seen, lastIndex, lastTerm);
    if (core.role === 'leader' && this.#leaders.get(core.term) !== id) this.#electionSafety(id, core);
    const snapshot = core.log.snapshot();
    if (snapshot.index !== seen.snapshotIndex) {
      seen.snapshotIndex = snapshot.index;
      this.#snapshotConfiguration(id, snapshot);
    }
    if (core.log.committed > seen.committed) this.#commit(id, core, seen, before);
  }

  /** Promises to peers must be on disk when they leave. `leader`: the core of the receiver, if it runs. */
  sent(id: number, { type, term, to, index, reject }: Message, leader: Raft | undefined): void {
    if (reject) return;
    const durable = this.#durable.get(id)!;
    if (type === 'vote-response' && !(durable.term > term || (durable.term === term && durable.vote === to)))
      this.#judge.violation(
        'promises after disk',
        `member ${id} sent its vote for ${to} in term ${term}, which is not on its disk`,
      );
    if (type !== 'append-response') return;
    if (durable.term === term && durable.lastIndex < index)
      this.#judge.violation(
        'promises after disk',
        `member ${id} acknowledged entry ${index}, on its disk are entries up to ${durable.lastIndex}`,
      );
    // An answer that leaves after the member has moved on is too late to matter: who moved it on has a majority without it.
    const matters = leader?.role === 'leader' && leader.term === term && durable.term === term && index > 0;
    const meant = matters ? leader.log.term(index) : undefined;
    if (meant !== undefined && !durable.has(index, meant))
      this.#judge.violation(
        'promises after disk',
        `member ${id} acknowledged entry ${index} of term ${meant} to its leader; on its disk is another one`,
      );
  }

  /** The state machine of a member got this entry. */
  applied(id: number, previousIndex: number, { index, term, command }: CommittedEntry): void {
    if (index !== previousIndex + 1)
      this.#judge.violation('apply order', `member ${id} applied ${index} after ${previousIndex}`);
    const known = this.#committed[index];
    if (!known)
      this.#judge.violation('state machine safety', `member ${id} applied ${index}, which nobody has committed`);
    const expected = known.kind === 'command' ? known.command : new Uint8Array(0);
    if (known.term !== term || !sameBytes(expected, command))
      this.#judge.violation(
        'state machine safety',
        `member ${id} applied another entry at ${index} than was committed`,
      );
  }

  /** The membership that a log ending at `index` with this term prescribes. */
  configurationAt(index: number, term: number): Configuration {
    const entry = this.#places.get(place(index, term))?.configuration;
    return entry ? this.#decode(entry) : this.#initial;
  }

  committedConfiguration(): Configuration {
    const entry = this.#committed.findLast(({ kind }) => kind === 'configuration');
    return entry ? this.#decode(entry) : this.#initial;
  }

  #decode(entry: Entry): Configuration {
    let configuration = this.#configurations.get(entry);
    if (!configuration) {
      configuration = decodeConfiguration(entry.command);
      this.#configurations.set(entry, configuration);
    }
    return configuration;
  }

  #logMatching(id: number, core: Raft, seen: SeenLog, lastIndex: number, lastTerm: number): void {
    let low = lastIndex;
    const first = core.log.firstIndex();
    while (low >= first && seen.terms.get(low) !== core.log.term(low)) low--;
    if (low < seen.lastIndex && seen.terms.has(seen.lastIndex)) this.onCut(id);
    for (let index = lastIndex + 1; index <= seen.lastIndex; index++) seen.terms.delete(index);
    if (lastIndex < seen.committed)
      this.#judge.violation(
        'committed entries stay',
        `member ${id} cut its log to ${lastIndex} behind its commit index ${seen.committed}`,
      );
    const entries = low < lastIndex ? core.log.entries(low + 1, Number.POSITIVE_INFINITY) : [];
    let previousTerm = core.log.term(low) ?? 0;
    for (const entry of entries ?? []) {
      const key = place(entry.index, entry.term);
      const known = this.#places.get(key);
      if (!known) {
        if (entry.kind === 'configuration') this.#configurationChange(id, core, entry, previousTerm);
        const configuration =
          entry.kind === 'configuration'
            ? entry
            : this.#places.get(place(entry.index - 1, previousTerm))?.configuration;
        this.#places.set(key, { entry, previousTerm, configuration });
      } else if (known.previousTerm !== previousTerm)
        this.#judge.violation(
          'log matching',
          `entry ${entry.index} of term ${entry.term} follows term ${previousTerm} on member ${id}, elsewhere term ${known.previousTerm}`,
        );
      else if (!sameEntry(known.entry, entry))
        this.#judge.violation(
          'log matching',
          `member ${id} has another entry ${entry.index} of term ${entry.term} than others`,
        );
      if (entry.index <= seen.committed && seen.terms.has(entry.index))
        this.#judge.violation(
          'committed entries stay',
          `member ${id} replaced entry ${entry.index}, which it had committed`,
        );
      seen.terms.set(entry.index, entry.term);
      previousTerm = entry.term;
    }
    seen.lastIndex = lastIndex;
    seen.lastTerm = lastTerm;
    const prescribed = this.#places.get(place(lastIndex, lastTerm))?.configuration;
    const { index: adopted } = core.log.configurations.current;
    if (prescribed && adopted > 0 && adopted !== prescribed.index && adopted > core.log.snapshot().index)
      this.#judge.violation(
        'configuration of the log',
        `member ${id} goes by configuration ${adopted}, but in its log the newest is ${prescribed.index}`,
      );
    if (!prescribed && adopted > core.log.snapshot().index)
      this.#judge.violation(
        'configuration of the log',
        `member ${id} goes by configuration ${adopted}, which is not in its log`,
      );
  }

  /** Section 4.3: one change at a time, and majorities move only through a joint configuration that is committed before it is left. */
  #configurationChange(id: number, core: Raft, entry: Entry, previousTerm: number): void {
    const before = this.#places.get(place(entry.index - 1, previousTerm))?.configuration;
    const previous = before ? this.#decode(before) : this.#initial;
    if (before && before.index > core.log.committed)
      this.#judge.violation(
        'one membership change at a time',
        `member ${id} appended configuration ${entry.index} while that at ${before.index} is not committed`,
      );
    const next = this.#decode(entry);
    this.onConfiguration(id, next);
    const same = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((one) => b.includes(one));
    const kept = same(next.incoming, previous.incoming);
    const valid =
      previous.outgoing.length > 0
        ? kept && next.outgoing.length === 0
        : (kept && next.outgoing.length === 0) || same(next.outgoing, previous.incoming);
    if (!valid)
      this.#judge.violation(
        'joint consensus',
        `member ${id} went from voters {${previous.incoming}} (from {${previous.outgoing}}) to {${next.incoming}} (from {${next.outgoing}}) in one step`,
      );
  }

  /** A snapshot carries the membership as of its index, whatever is in the log behind it. */
  #snapshotConfiguration(id: number, { index, term, configuration }: SnapshotMeta): void {
    // That of a log which has just begun is what the member was started with.
    if (index === 0 || !this.#places.has(place(index, term))) return;
    if (!configuration)
      this.#judge.violation('configuration of the snapshot', `member ${id} has a snapshot at ${index} without one`);
    const { incoming, outgoing, learners } = this.configurationAt(index, term);
    const [wanted, found] = [
      [incoming, outgoing, learners],
      [configuration.incoming, configuration.outgoing, configuration.learners],
    ].map((lists) => JSON.stringify(lists));
    if (wanted !== found)
      this.#judge.violation(
        'configuration of the snapshot',
        `member ${id} has a snapshot at ${index} with voters, old voters and learners ${found}; in the log they are ${wanted}`,
      );
  }

  #electionSafety(id: number, core: Raft): void {
    const { term } = core;
    const other = this.#leaders.get(term);
    if (other !== undefined)
      this.#judge.violation('election safety', `members ${other} and ${id} both lead term ${term}`);
    this.#leaders.set(term, id);
    this.elections++;
    this.onLeader(id, term);
    // The leader's first entry is in its log already; the configuration is that of the log before.
    const last = core.log.lastIndex();
    const configuration = this.configurationAt(last, core.log.term(last) ?? 0);
    const votes = this.#votes.get(term);
    const votedFor = (voter: number) => votes?.get(voter) === id || this.#excused.has(voter);
    if (!isQuorum(configuration, votedFor))
      this.#judge.violation(
        'election by majority',
        `member ${id} leads term ${term} with durable votes of ${[...(votes ?? [])].filter(([, to]) => to === id).map(([from]) => from)} only`,
      );
    for (let index = core.log.firstIndex(); index < this.#committed.length; index++)
      // A late winner of an old term need not have what later terms have committed.
      if (this.#committedIn[index]! < term && core.log.term(index) !== this.#committed[index]!.term)
        this.#judge.violation(
          'leader completeness',
          `member ${id} leads term ${term} without entry ${index}, which was committed in term ${this.#committed[index]!.term}`,
        );
  }

  #commit(id: number, core: Raft, seen: SeenLog, before: { index: number; term: number }): void {
    const { committed } = core.log;
    for (let index = seen.committed + 1; index <= committed; index++) {
      const term = core.log.term(index);
      const known = this.#committed[index];
      if (term === undefined) {
        // Behind a snapshot, whose content is compared when it is restored.
        if (!known)
          this.#judge.violation(
            'state machine safety',
            `member ${id} has a snapshot beyond what was committed: ${index}`,
          );
        continue;
      }
      if (known) {
        if (known.term !== term)
          this.#judge.violation(
            'state machine safety',
            `member ${id} committed entry ${index} of term ${term}; before, that of term ${known.term} was committed`,
          );
        continue;
      }
      const found = this.#places.get(place(index, term));
      if (!found || index !== this.#committed.length) continue;
      this.#committed.push(found.entry);
      this.#committedIn.push(core.term);
      this.onCommitted(id, found.entry);
    }
    if (core.role === 'leader') this.#commitByMajority(id, core, before);
    seen.committed = committed;
  }

  #commitByMajority(id: number, core: Raft, before: { index: number; term: number }): void {
    const { committed } = core.log;
    const term = core.log.term(committed) ?? 0;
    if (term !== core.term)
      this.#judge.violation(
        'commit rule',
        `member ${id}, leader of term ${core.term}, committed up to entry ${committed} of term ${term} by counting`,
      );
    // A turn may commit a joint configuration, leave it, and commit more under the next one.
    const last = core.log.lastIndex();
    const joint = this.#places.get(place(before.index, before.term))?.configuration;
    const holds = (index: number, of: number) => (member: number) =>
      this.#excused.has(member) || (this.#durable.get(member)?.has(index, of) ?? false);
    const earlier = this.configurationAt(before.index, before.term);
    const later = this.configurationAt(last, core.log.term(last) ?? 0);
    const left = joint === undefined || isQuorum(earlier, holds(joint.index, joint.term));
    const all = holds(committed, term);
    if (!isQuorum(earlier, all) && !(left && isQuorum(later, all)))
      this.#judge.violation(
        'commit by majority',
        `member ${id} committed entry ${committed} of term ${term}, which is on the disks of ${[...this.#durable.keys()].filter(all)} only`,
      );
  }
}

const place = (index: number, term: number): number => index * 2 ** 20 + term;

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && Buffer.compare(a, b) === 0);
}

function sameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  return a.kind === b.kind && a.origin === b.origin && a.sequence === b.sequence && sameBytes(a.command, b.command);
}

function isQuorum({ incoming, outgoing }: Configuration, agrees: (id: number) => boolean): boolean {
  return [incoming, outgoing].every(
    (voters) => voters.length === 0 || voters.filter(agrees).length > voters.length / 2,
  );
}
