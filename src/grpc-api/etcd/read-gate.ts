/**
 * Linearizable reads of one turn of the event loop wait for the leader's word together, with one promise for all. When nobody else waits
 * for it, a read does not wait for the rest of the turn either.
 */
import type { Store } from '../../store/types.ts';

type Waiting = (error: unknown) => void;

export class ReadGate {
  readonly #store: Pick<Store, 'linearizable'>;
  #waiting: Waiting[] = [];
  /** Questions that are not answered. */
  #asked = 0;

  constructor(store: Pick<Store, 'linearizable'>) {
    this.#store = store;
  }

  /** Calls back when this replica has everything that was acknowledged before this call; with an error when it cannot know. */
  enter(then: Waiting): void {
    if (this.#waiting.push(then) > 1) return;
    // Whoever comes until the question is asked is answered by it.
    if (this.#asked === 0) queueMicrotask(this.#ask);
    else setImmediate(this.#ask);
  }

  readonly #ask = (): void => {
    const asked = this.#waiting;
    this.#waiting = [];
    this.#asked++;
    this.#store.linearizable().then(
      () => {
        this.#asked--;
        for (const one of asked) one(undefined);
      },
      (error: unknown) => {
        this.#asked--;
        for (const one of asked) one(error);
      },
    );
  };
}
