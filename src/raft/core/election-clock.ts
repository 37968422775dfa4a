/**
 * When a member has waited long enough for a leader. Its timeout is drawn anew for every term between the shortest and the longest;
 * both follow the measured round trips (round-trips.ts).
 */
import { adaptedElectionTicks } from './round-trips.ts';

export class ElectionClock {
  readonly #configured: readonly [number, number];
  #elapsed = 0;
  /** It is over then at the latest. */
  #hurriedTo = Number.POSITIVE_INFINITY;
  /** Where between shortest and longest this term's timeout lies, from 0 to 1. */
  #fraction = 0;
  /** Shortest and longest at present. */
  range: readonly [number, number];

  constructor(configured: readonly [number, number]) {
    this.#configured = configured;
    this.range = configured;
  }

  tick(roundTripTicks: number): void {
    this.#elapsed++;
    this.range = adaptedElectionTicks(this.#configured, roundTripTicks);
  }

  /** A new term, or a new try: `fraction` is random. */
  redraw(fraction: number): void {
    this.restart();
    this.#fraction = fraction;
  }

  /** The leader spoke, or a vote was given. */
  restart(): void {
    this.#elapsed = 0;
    this.#hurriedTo = Number.POSITIVE_INFINITY;
  }

  /** It is over in so many ticks at the latest, unless it begins anew before. */
  hurry(ticks: number): void {
    this.#hurriedTo = Math.min(this.#hurriedTo, this.#elapsed + ticks);
  }

  get expired(): boolean {
    const [low, high] = this.range;
    return this.#elapsed >= Math.min(this.#hurriedTo, low + Math.floor(this.#fraction * (high - low + 1)));
  }

  /** Less than the shortest timeout has passed: a leader that was heard still counts (dissertation, 9.6). */
  get fresh(): boolean {
    return this.#elapsed < this.range[0];
  }
}
