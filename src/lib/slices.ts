/**
 * Cuts long work on the event loop into slices, between which everything else goes on:
 *
 * ```ts
 * const slices = new Slices();
 * for (const item of items) {
 *   work(item);
 *   if (slices.due) await slices.next();
 * }
 * ```
 */

/** As long as others wait for one slice. */
const sliceMs = 4;

export class Slices {
  #endMs = performance.now() + sliceMs;

  get due(): boolean {
    return performance.now() >= this.#endMs;
  }

  /** Resolves when everything that was waiting had its turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#endMs = performance.now() + sliceMs;
  }
}
