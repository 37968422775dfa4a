/** The simulated network: delays, losses, doubles, cut links. Everything random comes from the run's generator. */
import type { Prng } from '../src/lib/prng.ts';
import type { EventQueue } from './event-queue.ts';

export interface NetworkFaults {
  readonly dropProbability: number;
  readonly duplicateProbability: number;
  readonly slowProbability: number;
  /** Most deliveries take 1 ms to this. */
  readonly maxDelayMs: number;
  /** Some take up to this. */
  readonly slowDelayMs: number;
  /** False: what is sent on a link arrives in order, as on one stream. */
  readonly reorders: boolean;
}

export const calmNetwork: NetworkFaults = {
  dropProbability: 0,
  duplicateProbability: 0,
  slowProbability: 0,
  maxDelayMs: 2,
  slowDelayMs: 2,
  reorders: false,
};

export class Network {
  readonly #events: EventQueue;
  readonly #prng: Prng;
  faults: NetworkFaults;
  readonly #cut = new Set<number>();
  /** Arrival time of the last delivery of a link, where order is kept. */
  readonly #lastArrivalMs = new Map<number, number>();

  constructor(events: EventQueue, prng: Prng, faults: NetworkFaults) {
    this.#events = events;
    this.#prng = prng;
    this.faults = faults;
  }

  cut(from: number, to: number): void {
    this.#cut.add(linkOf(from, to));
  }

  cutBoth(one: number, other: number): void {
    this.cut(one, other);
    this.cut(other, one);
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(linkOf(from, to));
  }

  healLinks(): void {
    this.#cut.clear();
  }

  calm(): void {
    this.healLinks();
    this.faults = calmNetwork;
  }

  /** `reliable`: for what rides on a stream of its own; it may be lost with the link, but comes at most once. */
  deliver(from: number, to: number, reliable: boolean, arrive: () => void): void {
    const { dropProbability, duplicateProbability } = this.faults;
    if (this.isCut(from, to) || (dropProbability > 0 && this.#prng.chance(dropProbability))) return;
    this.#events.at(this.#delayMs(from, to), () => {
      if (!this.isCut(from, to)) arrive();
    });
    if (reliable || duplicateProbability === 0 || !this.#prng.chance(duplicateProbability)) return;
    this.#events.at(this.#delayMs(from, to), arrive);
  }

  #delayMs(from: number, to: number): number {
    const { slowProbability, slowDelayMs, maxDelayMs, reorders } = this.faults;
    const slow = slowProbability > 0 && this.#prng.chance(slowProbability);
    const delayMs = this.#prng.integer(1, slow ? slowDelayMs : maxDelayMs);
    if (reorders) return delayMs;
    const link = linkOf(from, to);
    const arrivalMs = Math.max(this.#events.nowMs + delayMs, this.#lastArrivalMs.get(link) ?? 0);
    this.#lastArrivalMs.set(link, arrivalMs);
    return arrivalMs - this.#events.nowMs;
  }
}

const linkOf = (from: number, to: number): number => from * 1_000 + to;
