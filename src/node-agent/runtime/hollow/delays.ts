/** Many delays with few timers: what falls due within the same tick shares one. */
import type { Clock } from '../../../lib/clock.ts';

const TICK_MS = 10;

export class Delays {
  readonly #clock: Clock;
  readonly #ticks = new Map<number, (() => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `delayMs`, up to a tick late. */
  wait(delayMs: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const tick = Math.ceil((nowMs + delayMs) / TICK_MS);
    return new Promise((resolve) => {
      const waiting = this.#ticks.get(tick);
      if (waiting) {
        waiting.push(resolve);
        return;
      }
      this.#ticks.set(tick, [resolve]);
      this.#clock.setTimer(tick * TICK_MS - nowMs, () => {
        const due = this.#ticks.get(tick) ?? [];
        this.#ticks.delete(tick);
        for (const done of due) done();
      });
    });
  }
}
