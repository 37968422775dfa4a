/** The last events, oldest first, in a fixed number of places. */
import type { WatchEvent } from './types.ts';

export class EventRing {
  readonly #places: (WatchEvent | undefined)[];
  #next = 0;
  #length = 0;
  /** Everything after this revision is here. */
  #completeAfter: number;

  constructor(capacity: number, revision: number) {
    this.#places = new Array(capacity);
    this.#completeAfter = revision;
  }

  push(event: WatchEvent): void {
    const overwritten = this.#length === this.#places.length ? this.#places[this.#next] : undefined;
    if (overwritten) this.#completeAfter = overwritten.current.modRevision;
    else this.#length++;
    this.#places[this.#next] = event;
    this.#next = (this.#next + 1) % this.#places.length;
  }

  /** Events from `revision` on, or undefined if some of them are not here any more. */
  since(revision: number): WatchEvent[] | undefined {
    if (revision <= this.#completeAfter) return undefined;
    const events: WatchEvent[] = [];
    for (let back = 1; back <= this.#length; back++) {
      const event = this.#places[(this.#next - back + this.#places.length) % this.#places.length]!;
      if (event.current.modRevision < revision) break;
      events.push(event);
    }
    return events.reverse();
  }

  /** Forgets everything, as after a snapshot; events after `revision` will follow. */
  reset(revision: number): void {
    this.#places.fill(undefined);
    this.#next = 0;
    this.#length = 0;
    this.#completeAfter = revision;
  }
}
