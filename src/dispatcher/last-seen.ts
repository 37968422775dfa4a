/** When each node was last heard, on this master's monotonic clock. In memory only: liveness is judged, not logged. */
import type { Clock } from '../lib/clock.ts';

/** Of a node that was never heard here. */
export const neverSeen = -1;

/** Nodes remembered; the one not heard for longest goes first. */
const maxNodes = 20_000;

export class LastSeen {
  readonly #clock: Clock;
  readonly #seenMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  touch(node: string): void {
    this.#seenMs.delete(node);
    this.#seenMs.set(node, this.#clock.monotonicMs());
    if (this.#seenMs.size > maxNodes) this.#seenMs.delete(this.#seenMs.keys().next().value!);
  }

  /** Milliseconds since the node was heard, or {@link neverSeen}. */
  ageMs(node: string): number {
    const seenMs = this.#seenMs.get(node);
    return seenMs === undefined ? neverSeen : Math.max(0, Math.round(this.#clock.monotonicMs() - seenMs));
  }
}

/** The most recent of what two observers saw. */
export function youngest(aMs: number, bMs: number): number {
  if (aMs === neverSeen) return bMs;
  return bMs === neverSeen ? aMs : Math.min(aMs, bMs);
}
