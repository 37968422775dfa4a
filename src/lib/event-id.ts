/**
 * Ends of Event names as upstream has them: nanoseconds since 1970 in hexadecimal, each greater than the one before. Lists come sorted by name,
 * so events that share a second, which is all that their timestamps tell, are shown in the order in which they happened.
 */
export class EventIds {
  #lastNs = 0n;

  next(nowMs: number): string {
    const ns = BigInt(Math.trunc(nowMs)) * 1_000_000n;
    this.#lastNs = ns > this.#lastNs ? ns : this.#lastNs + 1n;
    return this.#lastNs.toString(16).padStart(16, '0');
  }
}
