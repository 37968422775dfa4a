/**
 * Pods that wait for a node, in three parts as in kube-scheduler: *active* (to be tried now, by priority, then age), *backing off* (failed for
 * reasons that time may heal; 1 s doubling to 10 s) and *unschedulable* (no node fits: tried again when something changed in the cluster,
 * and at the latest after `unschedulableRetryMs`). A pod is in exactly one part.
 */
import type { Clock } from '../lib/clock.ts';
import type { PodInfo } from './types.ts';

export const firstBackoffMs = 1_000;
export const longestBackoffMs = 10_000;
export const unschedulableRetryMs = 5 * 60_000;

interface Waiting {
  pod: PodInfo;
  attempts: number;
  sequence: number;
  /** When its last attempt ended. */
  triedAtMs: number;
  cancelTimer?: (() => void) | undefined;
}

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #active = new Map<string, Waiting>();
  readonly #backingOff = new Map<string, Waiting>();
  readonly #unschedulable = new Map<string, Waiting>();
  #sequence = 0;
  /** Attempts of pods that are out of the queue because they are being tried. */
  readonly #attempts = new Map<string, number>();

  /** `wake` is called whenever there may be something to pop. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** A new pod, or a change of a waiting one (which may have made it schedulable). */
  add(pod: PodInfo): void {
    const known = this.#active.get(pod.key) ?? this.#backingOff.get(pod.key);
    if (known) {
      known.pod = pod;
      return;
    }
    const attempts = this.#take(pod.key)?.attempts ?? 0;
    this.#activate({ pod, attempts, sequence: this.#sequence++, triedAtMs: 0 });
  }

  remove(key: string): void {
    this.#take(key);
  }

  /** Up to `limit` active pods, best first. They are out of the queue until {@link retry}, {@link park} or {@link add}. */
  pop(limit: number): PodInfo[] {
    const order = [...this.#active.values()].sort((a, b) => b.pod.priority - a.pod.priority || a.sequence - b.sequence);
    const chosen = order.slice(0, limit);
    for (const waiting of chosen) {
      this.#active.delete(waiting.pod.key);
      this.#attempts.set(waiting.pod.key, waiting.attempts + 1);
    }
    return chosen.map((waiting) => waiting.pod);
  }

  /** The pod is placed (or gone): forget its history. */
  done(key: string): void {
    this.#attempts.delete(key);
  }

  /** Its binding failed: try again after its back-off. */
  retry(pod: PodInfo): void {
    const attempts = this.#attempts.get(pod.key) ?? 1;
    this.#attempts.delete(pod.key);
    this.#backOff(this.#tried(pod, attempts));
  }

  /** No node fits: wait for a change. */
  park(pod: PodInfo): void {
    const attempts = this.#attempts.get(pod.key) ?? 1;
    this.#attempts.delete(pod.key);
    const waiting = this.#tried(pod, attempts);
    waiting.cancelTimer = this.#clock.setTimer(unschedulableRetryMs, () => {
      this.#unschedulable.delete(pod.key);
      this.#activate(waiting);
    });
    this.#unschedulable.set(pod.key, waiting);
  }

  /** Something changed that may make room: every parked pod is tried again, after what is left of its back-off. */
  clusterChanged(): void {
    for (const waiting of [...this.#unschedulable.values()]) {
      this.#take(waiting.pod.key);
      this.#backOff(waiting);
    }
  }

  get size(): { active: number; backingOff: number; unschedulable: number } {
    return { active: this.#active.size, backingOff: this.#backingOff.size, unschedulable: this.#unschedulable.size };
  }

  /** Cancels all timers. */
  close(): void {
    for (const key of [...this.#backingOff.keys(), ...this.#unschedulable.keys()]) this.#take(key);
    this.#active.clear();
  }

  #tried(pod: PodInfo, attempts: number): Waiting {
    return { pod, attempts, sequence: this.#sequence++, triedAtMs: this.#clock.monotonicMs() };
  }

  #backOff(waiting: Waiting): void {
    const pauseMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (waiting.attempts - 1));
    const delayMs = waiting.triedAtMs + pauseMs - this.#clock.monotonicMs();
    if (delayMs <= 0) {
      this.#activate(waiting);
      return;
    }
    waiting.cancelTimer = this.#clock.setTimer(delayMs, () => {
      this.#backingOff.delete(waiting.pod.key);
      this.#activate(waiting);
    });
    this.#backingOff.set(waiting.pod.key, waiting);
  }

  #activate(waiting: Waiting): void {
    waiting.cancelTimer = undefined;
    this.#active.set(waiting.pod.key, waiting);
    this.#wake();
  }

  #take(key: string): Waiting | undefined {
    for (const part of [this.#active, this.#backingOff, this.#unschedulable]) {
      const waiting = part.get(key);
      if (!waiting) continue;
      waiting.cancelTimer?.();
      part.delete(key);
      return waiting;
    }
    return undefined;
  }
}
