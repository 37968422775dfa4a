/**
 * One thread of a simulated process: a serial line of work with a clock of its own. Everything that production code starts in it (timers,
 * immediates, replies of its disk) comes back in it; a stalled one does its work later, a dead one never.
 */
import type { EventQueue } from '../event-queue.ts';

export interface LaneOwner {
  readonly id: number;
  /** Told after every turn of one of its lanes; what a turn throws goes here too. */
  afterTurn(lane: Lane): void;
  failed(lane: Lane, error: unknown): void;
}

/** The monotonic clock of one process: may run fast or slow, never back. */
export interface SkewedClock {
  /** Its milliseconds per real one. */
  rate: number;
  /** What the wall clock is off by. */
  wallOffsetMs: number;
}

let current: Lane | undefined;

/** Sums of times are inexact: what is left of a stall may be too little to move the clock. */
const roundingMs = 1e-6;

/** Beyond it, what a turn puts off waits for the next one: a loop of immediates must not stop time. */
const maxImmediates = 100;

/** The lane whose turn it is; undefined between turns. */
export function currentLane(): Lane | undefined {
  return current;
}

export class Lane {
  readonly owner: LaneOwner;
  readonly name: string;
  readonly #events: EventQueue;
  readonly #clock: SkewedClock;
  readonly #drain: () => void;
  #dead = false;
  #stalledUntilMs = 0;
  readonly #backlog: (() => void)[] = [];
  readonly #immediates: (() => void)[] = [];
  #lastImmediateMs = 0;
  /** What else the event loop has to do first. */
  immediateLagMs: () => number = () => 0;

  constructor(owner: LaneOwner, name: string, events: EventQueue, clock: SkewedClock, drain: () => void) {
    this.owner = owner;
    this.name = name;
    this.#events = events;
    this.#clock = clock;
    this.#drain = drain;
  }

  get dead(): boolean {
    return this.#dead;
  }

  monotonicMs(): number {
    return this.#events.nowMs * this.#clock.rate;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.monotonicMs() + this.#clock.wallOffsetMs;
  }

  realMs(): number {
    return this.#events.nowMs;
  }

  /** After `delayMs` of this lane's clock. */
  after(delayMs: number, run: () => void): void {
    this.at(delayMs / this.#clock.rate, run);
  }

  /** After `delayMs` of real time. */
  at(delayMs: number, run: () => void): void {
    this.#events.at(delayMs, () => this.enter(run));
  }

  /** Right after the present turn, as setImmediate does; without one, in a turn of its own. */
  soon(run: () => void): void {
    const nowMs = this.#events.nowMs;
    const atMs = Math.max(nowMs + this.immediateLagMs(), this.#lastImmediateMs);
    this.#lastImmediateMs = atMs;
    if (atMs === nowMs && current === this && this.#immediates.length < maxImmediates) this.#immediates.push(run);
    else this.at(atMs - nowMs, run);
  }

  /** What a device of the same process does: also while this lane is stalled; not when the process is dead. */
  device(delayMs: number, run: () => void): void {
    this.#events.at(delayMs, () => this.#turn(run));
  }

  /** Now, or when it is no longer stalled; always in order. */
  enter(run: () => void): void {
    if (this.#dead) return;
    if (this.#backlog.length === 0 && !this.stalled) {
      this.#turn(run);
      return;
    }
    this.#backlog.push(run);
    if (this.#backlog.length === 1) this.#wakeLater();
  }

  #wakeLater(): void {
    this.#events.at(Math.max(0, this.#stalledUntilMs - this.#events.nowMs), () => {
      while (this.#backlog.length > 0) {
        if (this.stalled) {
          this.#wakeLater();
          return;
        }
        const [run] = this.#backlog.splice(0, 1);
        this.#turn(run!);
      }
    });
  }

  #turn(run: () => void): void {
    if (this.#dead) return;
    const outer = current;
    current = this;
    try {
      run();
      this.#drain();
      for (let next = this.#immediates.shift(); next && !this.#dead; next = this.#immediates.shift()) {
        next();
        this.#drain();
      }
    } catch (error) {
      this.owner.failed(this, error);
    } finally {
      current = outer;
    }
    if (!this.#dead) this.owner.afterTurn(this);
  }

  stall(durationMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#events.nowMs + durationMs);
  }

  get stalled(): boolean {
    return this.#stalledUntilMs - this.#events.nowMs > roundingMs;
  }

  kill(): void {
    this.#dead = true;
  }
}
