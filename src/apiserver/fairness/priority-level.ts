/**
 * One priority level: seats in use, and queues in which requests wait for seats. Of the queues that are not empty the one goes next that has been
 * given the least, so that flows share seats evenly however much each of them asks. Time comes from outside.
 */

import { dealHand } from './shuffle-shard.ts';

export interface LevelLimits {
  /** Seats that are its own. */
  readonly nominalSeats: number;
  /** Of these, how many others may use while they are free. */
  readonly lendableSeats: number;
  /** Of others' seats, how many it may use. */
  readonly borrowingLimit: number;
  /** Undefined: what finds no seat is refused. */
  readonly queuing?:
    | { readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number }
    | undefined;
}

/** One request that waits. */
export interface Waiting {
  readonly width: number;
  /** Called once, when it may run. */
  start(): void;
}

interface Queue {
  readonly waiting: Waiting[];
  /** Seats given so far, in the level's own count of what each queue was due. */
  served: number;
}

export class PriorityLevel {
  readonly name: string;
  limits: LevelLimits;
  inUse = 0;
  waitingSeats = 0;
  waitingRequests = 0;
  #queues = new Map<number, Queue>();
  /** What the queue that went last had been given. */
  #served = 0;

  constructor(name: string, limits: LevelLimits) {
    this.name = name;
    this.limits = limits;
  }

  /** Seats of its own that others may use now. */
  get idleLendable(): number {
    const { nominalSeats, lendableSeats } = this.limits;
    return Math.max(0, Math.min(lendableSeats, nominalSeats - this.inUse - this.waitingSeats));
  }

  get borrowed(): number {
    return Math.max(0, this.inUse - this.limits.nominalSeats);
  }

  /** Whether `width` seats are to be had; `lendable`: what others lend now, in all. One that is wider than all there is runs alone. */
  fits(width: number, lendable: () => number): boolean {
    const { nominalSeats, borrowingLimit } = this.limits;
    if (this.inUse + width <= nominalSeats || this.inUse === 0) return true;
    return this.inUse + width <= nominalSeats + Math.min(borrowingLimit, lendable() + this.borrowed);
  }

  /** False: there is no room to wait. */
  enqueue(flow: string, request: Waiting): boolean {
    const { queuing } = this.limits;
    if (!queuing) return false;
    const hand = dealHand(flow, queuing.queues, queuing.handSize);
    let shortest = hand[0] ?? 0;
    const length = (index: number) => this.#queues.get(index)?.waiting.length ?? 0;
    for (const index of hand) if (length(index) < length(shortest)) shortest = index;
    if (length(shortest) >= queuing.queueLengthLimit) return false;
    let queue = this.#queues.get(shortest);
    if (!queue) {
      // Who was away has nothing saved up.
      queue = { waiting: [], served: this.#served };
      this.#queues.set(shortest, queue);
    }
    queue.waiting.push(request);
    this.waitingSeats += request.width;
    this.waitingRequests++;
    return true;
  }

  /** It waits no more. */
  drop(request: Waiting): void {
    for (const [index, queue] of this.#queues) {
      const at = queue.waiting.indexOf(request);
      if (at < 0) continue;
      queue.waiting.splice(at, 1);
      this.#left(index, queue, request);
      return;
    }
  }

  /** Starts what can be started. */
  dispatch(lendable: () => number): void {
    for (;;) {
      let next: [number, Queue] | undefined;
      for (const entry of this.#queues) if (!next || entry[1].served < next[1].served) next = entry;
      if (!next) return;
      const [index, queue] = next;
      const request = queue.waiting[0]!;
      if (!this.fits(request.width, lendable)) return;
      queue.waiting.shift();
      this.#served = queue.served;
      queue.served += request.width;
      this.#left(index, queue, request);
      this.inUse += request.width;
      request.start();
    }
  }

  #left(index: number, queue: Queue, { width }: Waiting): void {
    this.waitingSeats -= width;
    this.waitingRequests--;
    if (queue.waiting.length === 0) this.#queues.delete(index);
  }
}
