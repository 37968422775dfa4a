/**
 * For how long another thread has not answered, in time in which this one was running itself: what stops the whole process, or leaves no processor
 * to any of its threads, says nothing about the other. Pure: time comes in.
 */
export class Silence {
  readonly #intervalMs: number;
  #lastMs: number;
  #silentMs = 0;

  /** Asked about every `intervalMs`. */
  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
  }

  /** It is asked once more. Returns for how long it has been silent. */
  asked(nowMs: number): number {
    // A timer that comes late says that this thread did not run.
    this.#silentMs += Math.min(nowMs - this.#lastMs, 2 * this.#intervalMs);
    this.#lastMs = nowMs;
    return this.#silentMs;
  }

  answered(): void {
    this.#silentMs = 0;
  }
}
