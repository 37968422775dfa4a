/** Linearizable reads of one turn of the event loop wait for the leader's word together, with one promise for all. */
import type { Store } from '../../store/types.ts';

type Waiting = (error: unknown) => void;

export class ReadGate {
  readonly #store: Pick<Store, 'linearizable'>;
  #waiting: Waiting[] = [];

  constructor(store: Pick<Store, 'linearizable'>) {
    this.#store = store;
  }

  /** Calls back when this replica has everything that was acknowledged before this call; with an error when it cannot know. */
  enter(then: Waiting): void {
    if (this.#waiting.push(then) > 1) return;
    // Whoever comes until the question is asked is answered by it.
    setImmediate(() => {
      const asked = this.#waiting;
      this.#waiting = [];
      this.#store.linearizable().then(
        () => {
          for (const one of asked) one(undefined);
        },
        (error: unknown) => {
          for (const one of asked) one(error);
        },
      );
    });
  }
}
