/**
 * One run: members, network, faults and clients, all from one seed. First the safety phase, with faults; then everything is healed and
 * the cluster must make progress and agree.
 */
import { AssertionError } from '../src/lib/assert.ts';
import { Prng } from '../src/lib/prng.ts';
import { Checker, Violation } from './checker.ts';
import { EventQueue } from './event-queue.ts';
import { Member } from './member.ts';
import { Network } from './network.ts';

const safetyMs = 6_000;
const livenessMs = 10_000;
/** Pairs of logs are compared every so many events; all else after every event. */
const compareEveryEvents = 200;

export interface RunResult {
  readonly seed: number;
  readonly failure: string | undefined;
  readonly simulatedMs: number;
  readonly events: number;
  readonly elections: number;
  readonly committed: number;
  readonly acknowledged: number;
  readonly crashes: number;
}

export class World {
  readonly prng: Prng;
  readonly events = new EventQueue();
  readonly checker = new Checker();
  readonly network: Network;
  readonly ids: readonly number[];
  readonly #members: Member[];
  readonly #seed: number;
  #commands = 0;
  #origins = 0;
  #faults = true;
  #crashes = 0;
  readonly #crashEveryMs: number;
  readonly #partitionEveryMs: number;
  /** Crashes where they hurt most. */
  readonly #crashAfterVote: number;
  readonly #crashAfterElection: number;
  readonly limits: { maxMessageBytes: number; maxInflightMessages: number };

  constructor(seed: number) {
    this.#seed = seed;
    this.prng = new Prng(seed);
    this.network = new Network(this.events, this.prng);
    this.ids = Array.from({ length: this.prng.pick([1, 2, 3, 3, 3, 3, 5, 5]) }, (_, position) => position + 1);
    this.#members = this.ids.map((id) => new Member(id, this));
    this.#crashEveryMs = this.prng.pick([200, 500, 1_000, 4_000]);
    this.#partitionEveryMs = this.prng.pick([300, 700, 1_500, 20_000]);
    this.#crashAfterVote = this.prng.pick([0, 0, 0.05, 0.5]);
    this.#crashAfterElection = this.prng.pick([0, 0, 0.3, 0.8]);
    this.limits = {
      maxMessageBytes: this.prng.pick([1, 200, 1 << 20]),
      maxInflightMessages: this.prng.pick([1, 4, 64]),
    };
  }

  member(id: number): Member {
    return this.#members[id - 1]!;
  }

  nextOrigin(): number {
    return ++this.#origins;
  }

  /** A member has just promised its vote. */
  afterVote(member: Member): void {
    if (!this.#faults || !this.prng.chance(this.#crashAfterVote)) return;
    this.events.at(this.prng.integer(0, 2), () => this.#crash(member));
  }

  afterElection(member: Member): void {
    if (!this.#faults || !this.prng.chance(this.#crashAfterElection)) return;
    this.events.at(this.prng.integer(0, 40), () => this.#crash(member));
  }

  run(): RunResult {
    let failure: string | undefined;
    try {
      for (const member of this.#members) member.start();
      this.#scheduleClients();
      this.#scheduleCrash();
      this.#schedulePartition();
      this.#runFor(safetyMs);
      this.#heal();
      this.#checkLiveness();
    } catch (error) {
      if (error instanceof Violation) failure = error.message;
      else if (error instanceof AssertionError) failure = `assertion: ${error.message}`;
      else failure = `error: ${(error as Error).stack}`;
    }
    const { events, elections, committedIndex: committed, acknowledgedCount: acknowledged } = this.checker;
    const simulatedMs = Math.round(this.events.nowMs);
    return {
      seed: this.#seed,
      failure,
      simulatedMs,
      events,
      elections,
      committed,
      acknowledged,
      crashes: this.#crashes,
    };
  }

  #runFor(durationMs: number, until?: () => boolean): boolean {
    const endMs = this.events.nowMs + durationMs;
    for (let count = 1; this.events.step(endMs); count++) {
      if (count % compareEveryEvents === 0) this.checker.compareLogs(this.#observed());
      if (until?.()) return true;
    }
    return until === undefined;
  }

  #observed() {
    return this.#members.flatMap(({ id, loop }) => (loop ? [{ id, core: loop.core }] : []));
  }

  #scheduleClients(): void {
    this.events.at(this.prng.integer(1, 30), () => {
      if (!this.#faults) return;
      const member = this.prng.pick(this.#members);
      if (member.running) {
        const burst = this.prng.chance(0.1) ? this.prng.integer(2, 12) : 1;
        const timeoutMs = this.prng.pick([100, 1_000, 5_000]);
        for (let count = 0; count < burst; count++) member.propose(this.#nextCommand(), timeoutMs);
        if (this.prng.chance(0.3)) member.read(1_000);
        if (this.prng.chance(0.005)) member.loop!.transferLeadership(0);
      }
      this.#scheduleClients();
    });
  }

  #nextCommand(): string {
    return `c${++this.#commands}`;
  }

  #scheduleCrash(): void {
    this.events.at(this.prng.integer(1, 2 * this.#crashEveryMs), () => {
      if (!this.#faults) return;
      // Now and then the power of several fails at once.
      const count = this.prng.chance(0.2) ? this.prng.integer(1, this.ids.length) : 1;
      for (let left = count; left > 0; left--) this.#crash(this.prng.pick(this.#members));
      const slow = this.prng.pick(this.#members);
      slow.diskDelayMs = this.prng.pick([0, 1, 5, 50]);
      slow.applyDelayMs = this.prng.pick([0, 0, 10, 100]);
      this.#scheduleCrash();
    });
  }

  #crash(member: Member): void {
    if (!member.running || !this.#faults) return;
    this.#crashes++;
    member.crash();
    this.events.at(this.prng.pick([1, 50, 300, 1_000]), () => {
      if (!member.running) member.start();
    });
  }

  #schedulePartition(): void {
    this.events.at(this.prng.integer(1, 2 * this.#partitionEveryMs), () => {
      if (!this.#faults) return;
      this.network.healLinks();
      if (this.prng.chance(0.7)) this.#partition();
      this.#schedulePartition();
    });
  }

  #partition(): void {
    if (this.prng.chance(0.3)) {
      // One direction of one link.
      this.network.cut(this.prng.pick(this.ids), this.prng.pick(this.ids));
      return;
    }
    const side = new Set(this.ids.filter(() => this.prng.chance(0.5)));
    for (const from of this.ids)
      for (const to of this.ids) if (side.has(from) !== side.has(to)) this.network.cut(from, to);
  }

  #heal(): void {
    this.#faults = false;
    this.network.calm();
    for (const member of this.#members) {
      member.diskDelayMs = 1;
      member.applyDelayMs = 0;
      if (!member.running) member.start();
    }
  }

  #checkLiveness(): void {
    this.#runFor(1_000);
    const before = this.checker.acknowledgedCount;
    for (const member of this.#members) member.propose(this.#nextCommand(), livenessMs);
    const wanted = before + this.#members.length;
    const agreed = () =>
      this.checker.acknowledgedCount >= wanted &&
      this.#members.every(({ appliedIndex }) => appliedIndex === this.checker.committedIndex);
    if (!this.#runFor(livenessMs, agreed))
      throw new Violation(
        `liveness: after healing ${this.checker.acknowledgedCount - before} of ${this.#members.length} proposals were ` +
          `acknowledged within ${livenessMs} ms, applied ${this.#members.map((member) => member.appliedIndex)}`,
      );
    this.checker.compareLogs(this.#observed());
    this.checker.converged(this.#members);
  }
}

export function runSeed(seed: number): RunResult {
  return new World(seed).run();
}
