import type { Clock } from '../../lib/clock.ts';

/** Answers of others, each good for a time; the oldest goes when there are too many. */
export class ExpiringCache<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly endsMs: number }>();
  readonly #maxEntries: number;
  readonly #clock: Clock;

  constructor(maxEntries: number, clock: Clock) {
    this.#maxEntries = maxEntries;
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.endsMs > this.#clock.monotonicMs()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T, lifeMs: number): void {
    if (lifeMs <= 0) return;
    this.#entries.delete(key);
    if (this.#entries.size >= this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
    this.#entries.set(key, { value, endsMs: this.#clock.monotonicMs() + lifeMs });
  }
}
