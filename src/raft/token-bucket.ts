/** Spends a rate: pure arithmetic, time comes in. What is taken may overdraw the bucket once; the next one waits for it. */
export class TokenBucket {
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  /** Starts full, with `burst` tokens. */
  constructor(burst: number, nowMs: number) {
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes `amount`; returns for how many ms the taker must pause before it goes on, at `perSecond` tokens a second. */
  take(amount: number, perSecond: number, nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) * perSecond) / 1000) - amount;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / perSecond;
  }
}
