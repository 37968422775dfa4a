/**
 * Keys to work on. A key is handed to one worker at a time; added again while it is worked on, it comes once more afterwards; added
 * ten times while it waits, it comes once. So memory is bounded by the number of keys, and level-based reconcilers lose nothing.
 */
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { backoffMs } from './backoff.ts';
import { observeQueue } from './work-queue-metrics.ts';

export interface WorkQueueOptions {
  readonly clock?: Clock | undefined;
  /** First delay after a failure; doubles with each failure in a row. */
  readonly baseDelayMs?: number | undefined;
  readonly maxDelayMs?: number | undefined;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { atMs: number; cancel: () => void }>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 60_000;
  }

  /** Keys that wait for a worker; not those that wait for their time. */
  get length(): number {
    return this.#waiting.size + this.#again.size;
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    const taker = this.#waiting.has(key) ? undefined : this.#takers.shift();
    if (!taker) {
      this.#waiting.add(key);
      return;
    }
    this.#active.add(key);
    taker(key);
  }

  /** Adds the key after `delayMs`; an earlier time already set for it stands. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#clock.monotonicMs() + delayMs;
    const timer = this.#timers.get(key);
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { atMs, cancel });
  }

  /** Adds the key after its back-off, which grows until {@link forget}. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, backoffMs(failures, this.#baseDelayMs, this.#maxDelayMs));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** The next key, or undefined once the queue is closed. Each key taken must be given to {@link done}. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      this.#active.add(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Forgets everything; takers get undefined. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#waiting.clear();
    this.#again.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}

/** What a reconciler may ask for: to be called again after a time even if nothing changes. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number | undefined;
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>;

/** Works on the queue with `count` workers until the signal aborts; a failed key comes again after its back-off. Never rejects. */
export async function runWorkers(
  queue: WorkQueue,
  count: number,
  reconcile: Reconcile,
  signal: AbortSignal,
  logger?: Logger,
): Promise<void> {
  const close = () => queue.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  const observed = observeQueue(queue, logger);
  const work = async (): Promise<void> => {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      const startedMs = performance.now();
      try {
        const result = await reconcile(key, signal);
        queue.forget(key);
        if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
      } catch (error) {
        if (!signal.aborted) {
          logger?.debug({ key, err: error }, 'reconcile failed, will retry');
          queue.addRateLimited(key);
          observed.retries.add();
        }
      } finally {
        observed.work.observe((performance.now() - startedMs) / 1000);
        queue.done(key);
      }
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  observed.end();
  signal.removeEventListener('abort', close);
}
