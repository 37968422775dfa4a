/**
 * How long messages take to each peer and back, and what that means for elections: a candidate needs two rounds before it can send its
 * first heartbeat, so on a slow network the configured election timeout would end every election before its votes are back.
 *
 * A link counts by the median of its last round trips, so that a single stall moves nothing.
 */
import { majorityIndex } from './quorum.ts';
import type { Configuration } from './types.ts';

const keptSamples = 15;
/** Pre-vote, vote, the first append, and one more for jitter. */
const roundTripsPerElection = 4;
/** However slow the network seems: the timeouts grow to at most so many times the configured ones. */
const maxStretch = 20;

export class RoundTrips {
  readonly #samples = new Map<number, number[]>();
  readonly #medians = new Map<number, number>();
  /** What the leader says, or said last. */
  told = 0;

  record(peer: number, ticks: number): void {
    if (ticks < 0) return;
    const samples = this.#samples.get(peer) ?? [];
    samples.push(ticks);
    if (samples.length > keptSamples) samples.shift();
    this.#samples.set(peer, samples);
    this.#medians.set(peer, samples.toSorted((a, b) => a - b)[samples.length >> 1]!);
  }

  /** A leader is there and says what to count with: what was measured before is of the past. */
  follow(told: number): void {
    this.told = told;
    if (this.#samples.size === 0) return;
    this.#samples.clear();
    this.#medians.clear();
  }

  of(peer: number): number | undefined {
    return this.#medians.get(peer);
  }

  /** The time within which `self` can hear from a majority; what was told before counts for peers that were not measured yet. */
  toQuorum({ incoming, outgoing }: Configuration, self: number): number {
    const nearness = (id: number) => (id === self ? 0 : -(this.#medians.get(id) ?? this.told));
    const slowest = Math.min(majorityIndex(incoming, nearness), majorityIndex(outgoing, nearness));
    return Number.isFinite(slowest) ? -slowest : this.told;
  }
}

/** The configured shortest and longest timeout, both longer where `roundTripTicks` asks for it. */
export function adaptedElectionTicks(
  configured: readonly [number, number],
  roundTripTicks: number,
): readonly [number, number] {
  const [low, high] = configured;
  const needed = Math.min(roundTripTicks * roundTripsPerElection, low * maxStretch);
  return needed <= low ? configured : [needed, Math.ceil((needed * high) / low)];
}
