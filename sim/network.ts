/** The simulated network: delays, losses, doubles, cut links. Everything random comes from the run's generator. */
import type { Prng } from '../src/lib/prng.ts';
import type { EventQueue } from './event-queue.ts';

export class Network {
  readonly #events: EventQueue;
  readonly #prng: Prng;
  dropProbability: number;
  duplicateProbability: number;
  /** Most deliveries take 1 ms to this. */
  maxDelayMs: number;
  /** Some take up to this. */
  slowDelayMs: number;
  readonly #cut = new Set<string>();

  constructor(events: EventQueue, prng: Prng) {
    this.#events = events;
    this.#prng = prng;
    this.dropProbability = prng.pick([0, 0, 0.01, 0.05, 0.15]);
    this.duplicateProbability = prng.pick([0, 0.01, 0.05]);
    this.maxDelayMs = prng.pick([2, 10, 40]);
    this.slowDelayMs = prng.pick([20, 200, 800]);
  }

  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  healLinks(): void {
    this.#cut.clear();
  }

  calm(): void {
    this.healLinks();
    this.dropProbability = 0;
    this.duplicateProbability = 0;
    this.slowDelayMs = this.maxDelayMs = 2;
  }

  /** `mayDuplicate`: false for what rides on an ordered stream and must come at most once. */
  deliver(from: number, to: number, mayDuplicate: boolean, arrive: () => void): void {
    if (this.isCut(from, to) || this.#prng.chance(this.dropProbability)) return;
    this.#events.at(this.#delayMs(), () => {
      if (!this.isCut(from, to)) arrive();
    });
    if (mayDuplicate && this.#prng.chance(this.duplicateProbability)) this.#events.at(this.#delayMs(), arrive);
  }

  #delayMs(): number {
    return this.#prng.integer(1, this.#prng.chance(0.03) ? this.slowDelayMs : this.maxDelayMs);
  }
}
