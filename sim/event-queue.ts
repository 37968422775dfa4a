/** Simulated time: events run in order of their time, and of their making where times are equal. */
type Event = { readonly atMs: number; readonly sequence: number; readonly run: () => void };

export class EventQueue {
  nowMs = 0;
  /** Events that ran. */
  count = 0;
  #sequence = 0;
  #heap: Event[] = [];

  at(delayMs: number, run: () => void): void {
    const event = { atMs: this.nowMs + delayMs, sequence: this.#sequence++, run };
    const heap = this.#heap;
    let child = heap.push(event) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = event;
  }

  /** Runs the next event if it comes before `endMs`; false: none does. */
  step(endMs: number): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (!first || first.atMs > endMs) {
      this.nowMs = endMs;
      return false;
    }
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.nowMs = first.atMs;
    this.count++;
    first.run();
    return true;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, event)) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = event;
  }
}

const before = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
