/**
 * One run: members, network, clients and faults, all from one seed. First the safety phase, with faults; then everything is healed and the
 * cluster must make progress and agree, byte by byte.
 */
import { AssertionError } from '../src/lib/assert.ts';
import { Prng } from '../src/lib/prng.ts';
import { initialConfiguration } from '../src/raft/core/configuration.ts';
import type { ProposalFailure } from '../src/raft/proposal-tracker.ts';
import type { RaftPeer } from '../src/raft/types.ts';
import type { Store } from '../src/store/types.ts';
import { ConsensusChecker } from './checkers/consensus.ts';
import { checkLinearizability, type Input, type Operation } from './checkers/linearizability.ts';
import { StoreModel, sameValue } from './checkers/store-model.ts';
import { type Judge, Violation } from './checkers/violation.ts';
import { Client } from './clients/client.ts';
import { call } from './clients/connection.ts';
import { LeaseBook, LeaseHolder } from './clients/lease-holder.ts';
import { Prober } from './clients/prober.ts';
import { Watcher } from './clients/watcher.ts';
import { EventQueue } from './event-queue.ts';
import { Nemesis } from './nemesis.ts';
import { Network } from './network.ts';
import { Member } from './process/member.ts';
import { withSimulatedGlobals } from './runtime/globals.ts';
import { drawScenario, type Scenario } from './scenario.ts';

const settleMs = 120;
const livenessMs = 12_000;
/** Twenty times what the busiest runs need. */
const maxEvents = 400_000;
/** States that the search for a linear order may visit; a history beyond it is counted, not judged. */
const maxLinearizabilityStates = 4_000;

export interface RunOptions {
  /** Keep the story. Changes nothing of the run. */
  readonly trace?: boolean;
  /** Look at nothing: for the canary, which proves that the checks are what finds mistakes. */
  readonly blind?: boolean;
}

export interface RunResult {
  readonly seed: number;
  readonly failure: string | undefined;
  readonly simulatedMs: number;
  readonly events: number;
  readonly elections: number;
  readonly committed: number;
  readonly operations: number;
  readonly reads: number;
  readonly watched: number;
  readonly crashes: number;
  readonly undecided: number;
  readonly story: readonly string[];
}

export class World implements Judge {
  readonly seed: number;
  readonly prng: Prng;
  readonly events = new EventQueue();
  readonly scenario: Scenario;
  readonly network: Network;
  readonly peers: readonly RaftPeer[];
  readonly consensus: ConsensusChecker;
  readonly model: StoreModel;
  readonly leases: LeaseBook;
  readonly prober = new Prober(this);
  readonly nemesis: Nemesis;
  readonly members: readonly Member[];
  readonly history: Operation[] = [];
  readonly #blind: boolean;
  readonly #clients: readonly Client[];
  readonly #watchers: readonly Watcher[];
  readonly #holders: readonly LeaseHolder[];
  readonly #story: string[] | undefined;
  #failure: string | undefined;
  #origins = 0;
  /** Proposals that were told to be certainly not in the log, by origin and sequence. */
  readonly #refused = new Set<string>();
  readonly #committedProposals = new Map<string, number>();
  faults = true;
  /** Highest revision that any client was told of. */
  acknowledgedRevision = 1;
  acknowledgements = 0;
  refusedWrites = 0;
  reads = 0;
  #undecided = 0;

  constructor(seed: number, { trace = false, blind = false }: RunOptions = {}) {
    this.seed = seed;
    this.prng = new Prng(seed);
    this.#blind = blind;
    this.#story = trace ? [] : undefined;
    const scenario = drawScenario(this.prng);
    this.scenario = scenario;
    this.network = new Network(this.events, this.prng, scenario.network);
    this.peers = Array.from({ length: scenario.replicas }, (_, position) => this.peerOf(position + 1));
    const spares = scenario.nemeses.membershipEveryMs > 0 ? 3 : 0;
    this.consensus = new ConsensusChecker(initialConfiguration(this.peers), this);
    this.model = new StoreModel(this);
    this.leases = new LeaseBook(this, scenario.clockSkew);
    this.model.onRevoked = (id) => this.leases.revoked(id, this.events.nowMs);
    this.nemesis = new Nemesis(this);
    this.#holders = Array.from({ length: scenario.leaseHolders }, (_, position) => new LeaseHolder(this, position + 1));
    this.members = Array.from({ length: scenario.replicas + spares }, (_, position) => {
      const member = new Member(position + 1, this, { rate: this.#clockRate(), wallOffsetMs: 0 });
      member.disk.delayMs = scenario.diskDelayMs;
      member.borderDelayMs = scenario.borderDelayMs;
      return member;
    });
    this.#clients = Array.from({ length: scenario.clients }, (_, position) => new Client(this, position + 1));
    this.#watchers = Array.from(
      { length: scenario.watchers },
      (_, position) =>
        new Watcher(this, `watcher ${position + 1}`, position === 0 ? { key: 'k', end: 'l' } : { key: 'k1' }),
    );
    this.consensus.onLeader = (id, term) => {
      this.note(() => `member ${id} leads term ${term}`);
      this.nemesis.elected(this.member(id)!);
    };
    this.consensus.onCut = (id) => this.nemesis.cut(this.member(id)!);
    this.consensus.onConfiguration = (id, { incoming, outgoing }) => {
      if (outgoing.length > 0) this.nemesis.joint(this.member(id)!);
      else if (!incoming.includes(id)) this.nemesis.leaving(this.member(id)!);
    };
    this.consensus.onCommitted = (_id, { origin, sequence, index }) => this.#proposalCommitted(origin, sequence, index);
  }

  peerOf(id: number): RaftPeer {
    return { id, name: `m${id}`, address: `m${id}:1` };
  }

  member(id: number): Member | undefined {
    return this.members[id - 1];
  }

  nextOrigin(): number {
    return this.prng.uint32() * 2 ** 12 + ++this.#origins;
  }

  /** A line of the story; made only when somebody reads it. */
  note(line: () => string): void {
    this.#story?.push(`${this.events.nowMs.toFixed(0).padStart(6)} ms  ${line()}`);
  }

  violation(rule: string, detail: string): never {
    const violation = new Violation(rule, detail);
    if (!this.#blind) this.fail(violation);
    throw violation;
  }

  fail(error: unknown): void {
    if (this.#blind || this.#failure !== undefined) return;
    if (error instanceof Violation) this.#failure = error.message;
    else if (error instanceof AssertionError) this.#failure = `assertion: ${error.message}`;
    else this.#failure = `error: ${`${String(error)} ${(error as Error)?.stack ?? ''}`}`;
    this.note(() => `FAILED: ${this.#failure}`);
  }

  /** For what runs outside of a process. */
  attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  acknowledged(revision: number): void {
    this.acknowledgements++;
    this.acknowledgedRevision = Math.max(this.acknowledgedRevision, revision);
  }

  proposalsFailed(origin: number, failures: readonly ProposalFailure[]): void {
    for (const { sequence, code } of failures) {
      if (code === 'unknown') continue;
      const id = `${origin}/${sequence}`;
      this.#refused.add(id);
      const index = this.#committedProposals.get(id);
      if (index !== undefined)
        this.violation('refused proposals', `proposal ${id} was refused (${code}), but is committed as entry ${index}`);
    }
  }

  #proposalCommitted(origin: number, sequence: number, index: number): void {
    if (origin === 0) return;
    const id = `${origin}/${sequence}`;
    const before = this.#committedProposals.get(id);
    if (before !== undefined)
      this.violation('proposals once', `proposal ${id} is committed as entries ${before} and ${index}`);
    if (this.#refused.has(id))
      this.violation('refused proposals', `proposal ${id} was refused, then committed as entry ${index}`);
    this.#committedProposals.set(id, index);
  }

  run(): RunResult {
    withSimulatedGlobals(this.#story !== undefined, () => this.attempt(() => this.#run()));
    return {
      seed: this.seed,
      failure: this.#failure,
      simulatedMs: Math.round(this.events.nowMs),
      events: this.events.count,
      elections: this.consensus.elections,
      committed: this.consensus.committedIndex,
      operations: this.acknowledgements,
      reads: this.reads,
      watched: this.#watchers.reduce((sum, watcher) => sum + watcher.seen, 0),
      crashes: this.nemesis.crashes,
      undecided: this.#undecided,
      story: this.#story ?? [],
    };
  }

  #run(): void {
    const { scenario } = this;
    this.note(() => `seed ${this.seed}: ${JSON.stringify(scenario)}`);
    for (const { id } of this.peers) this.member(id)!.start();
    for (const client of this.#clients) client.begin();
    for (const watcher of this.#watchers) watcher.begin();
    for (const holder of this.#holders) holder.begin();
    this.nemesis.begin();
    this.#compactNowAndThen();
    this.#runFor(scenario.faultsMs);
    this.#heal();
    this.#runFor(settleMs);
    for (const client of this.#clients) client.active = false;
    this.#liveness();
    this.#converged();
    this.#linearizable();
  }

  #runFor(durationMs: number, until?: () => boolean): boolean {
    const endMs = this.events.nowMs + durationMs;
    while (this.events.step(endMs)) {
      if (this.#failure !== undefined) return true;
      if (this.events.count > maxEvents)
        this.violation('progress', `${maxEvents} events, and it is not over: somebody turns in a circle`);
      if (until?.()) return true;
    }
    return until === undefined;
  }

  #clockRate(): number {
    const { clockSkew } = this.scenario;
    return clockSkew === 1 ? 1 : clockSkew ** (2 * this.prng.float() - 1);
  }

  #compactNowAndThen(): void {
    const { compactEveryMs } = this.scenario.nemeses;
    if (compactEveryMs === 0) return;
    this.events.at(this.prng.integer(1, 2 * compactEveryMs), () => {
      if (!this.faults) return;
      const work = async ({ store }: { store: Store }) =>
        store.compact(Math.max(1, store.revision - this.prng.integer(0, 10)), { timeoutMs: 500 });
      call(this, this.contact(), 1_000, work, () => undefined);
      this.#compactNowAndThen();
    });
  }

  #heal(): void {
    if (this.#failure !== undefined) return;
    this.note(() => 'everything is healed');
    this.faults = false;
    this.nemesis.end();
    this.network.calm();
    for (const member of this.members) {
      member.disk.delayMs = 1;
      member.borderDelayMs = 0;
      const used = member.hasJoined || member.id <= this.peers.length;
      if (!member.running && !member.retired && used) member.start();
    }
  }

  /** Where a client would try: mostly who belongs to the cluster. */
  contact(): Member {
    const { members } = this.consensus.committedConfiguration();
    const { id } = this.prng.pick(members);
    return this.prng.chance(0.95) ? this.member(id)! : this.prng.pick(this.members);
  }

  /** Who belongs to the cluster, and is not lost. */
  #alive(): readonly Member[] {
    const { members } = this.consensus.committedConfiguration();
    return this.members.filter(({ id, retired }) => !retired && members.some((member) => member.id === id));
  }

  /** A write through every member must succeed, and everyone must apply everything. */
  #liveness(): void {
    if (this.#failure !== undefined) return;
    const waiting = new Set(this.#alive());
    let writes = 0;
    const write = (member: Member) => {
      const value = `final.${member.id}.${++writes}`;
      const success = [{ type: 'put', key: 'k1', value: Buffer.from(value) } as const];
      const callMs = this.events.nowMs;
      call(
        this,
        member,
        2_000,
        async ({ store }) => store.transact({ compare: [], success }, { timeoutMs: 1_500 }),
        (answer) => {
          const end = answer.type === 'answer' ? this.events.nowMs : undefined;
          this.history.push({ client: 'final', call: callMs, return: end, input: { type: 'put', key: 'k1', value } });
          if (end !== undefined || !this.#alive().includes(member)) waiting.delete(member);
          else this.events.at(50, () => write(member));
        },
      );
    };
    const startMs = this.events.nowMs;
    for (const member of this.#alive()) write(member);
    const agreed = () =>
      waiting.size === 0 &&
      this.#alive().every(
        ({ appliedIndex, life }) =>
          appliedIndex === this.consensus.committedIndex && life?.thread.loop?.core.log.committed === appliedIndex,
      );
    if (!this.#runFor(livenessMs, agreed))
      this.violation(
        'liveness',
        `${livenessMs} ms after everything was healed, writes through members ${[...waiting].map(({ id }) => id)} have not succeeded; ` +
          `applied ${this.#alive().map(({ id, appliedIndex }) => `${id}: ${appliedIndex}`)} of ${this.consensus.committedIndex}`,
      );
    this.note(() => `agreed after ${this.events.nowMs - startMs} ms`);
    // What watches still have to be told.
    // A change of the membership may still be under way, and who left hears of nothing.
    for (let round = 0, before = ''; round < 10 && this.#failure === undefined; round++) {
      const alive = this.#alive();
      const now = alive.map(({ id }) => id).join();
      if (now === before) break;
      before = now;
      for (const watcher of this.#watchers) watcher.moveTo(alive);
      this.#runFor(100);
    }
    if (this.#failure === undefined) for (const watcher of this.#watchers) watcher.checkComplete();
  }

  /** Replicas are equal byte by byte, and equal to the model. */
  #converged(): void {
    if (this.#failure !== undefined) return;
    let first: { id: number; bytes: Buffer } | undefined;
    for (const { id, life, appliedIndex } of this.#alive()) {
      if (appliedIndex !== this.consensus.committedIndex) continue;
      let bytes = Buffer.alloc(0);
      life!.api.enter(() => {
        bytes = Buffer.concat([...(life!.machine.snapshot() as Iterable<Uint8Array>)]);
        this.#holds(id, life!.store, this.model.revision);
        // What compaction had to spare.
        this.#holds(id, life!.store, Math.min(life!.store.compactedRevision + 1, this.model.revision));
      });
      if (first && !first.bytes.equals(bytes)) this.violation('equal replicas', `members ${first.id} and ${id} differ`);
      first ??= { id, bytes };
    }
  }

  #holds(id: number, store: Store, revision: number): void {
    const range = { key: '\u0000', end: '' };
    const { items } = store.range({ ...range, revision });
    const expected = this.model.rangeAt(range, revision);
    if (items.length !== expected.length || items.some((item, at) => !sameValue(item, expected[at])))
      this.violation('equal replicas', `member ${id} does not hold at revision ${revision} what the log says`);
  }

  /** Without what nobody got an answer to and is in no log: it never happened, and a read that found it must not pass. */
  #judged(): readonly Operation[] {
    if (this.history.every((operation) => operation.return !== undefined)) return this.history;
    const written = new Set(this.model.events.map(({ current }) => current && Buffer.from(current.value).toString()));
    return this.history.filter((operation) => {
      if (operation.return !== undefined) return true;
      const puts = putsOf(operation.input);
      return puts.length === 0 || puts.some((value) => written.has(value));
    });
  }

  #linearizable(): void {
    if (this.#failure !== undefined) return;
    for (const { pending } of this.#clients) if (pending) this.history.push(pending);
    const verdict = checkLinearizability(this.#judged(), { maxStates: maxLinearizabilityStates });
    if (verdict.result === 'violation') this.violation('linearizability', verdict.story);
    if (verdict.result === 'undecided') this.#undecided++;
  }
}

/** What an operation would put, whatever branch it takes. */
function putsOf(input: Input): readonly string[] {
  const steps = input.type === 'transaction' ? [...input.success, ...input.failure] : [input];
  return steps.flatMap((step) => (step.type === 'put' ? [step.value] : []));
}

/** Must be called from a plain turn of the event loop (see runtime/globals.ts). */
export function runSeed(seed: number, options?: RunOptions): RunResult {
  return new World(seed, options).run();
}
