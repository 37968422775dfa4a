/**
 * Which transfer may bring its snapshot here: one at a time, of the newest leader that came. One that leads no more may go on sending for
 * minutes and not know it, and a stream that broke may look alive here when its sender comes again.
 */
export interface IncomingSnapshot {
  /** The sender's term as leader. */
  readonly term: number;
  /** Another has come in its place: it should end soon. */
  readonly giveUp: () => void;
}

interface Place extends IncomingSnapshot {
  readonly ended: Promise<void>;
}

export class IncomingSnapshots {
  #current: Place | undefined;

  /**
   * Resolves when those before it have ended, with what is to be called when this one has. Undefined: the transfer of a newer leader is
   * under way.
   */
  async take(incoming: IncomingSnapshot): Promise<(() => void) | undefined> {
    const before = this.#current;
    if (before && before.term > incoming.term) return undefined;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const place: Place = { ...incoming, ended: Promise.all([over, before?.ended]).then(() => undefined) };
    this.#current = place;
    before?.giveUp();
    await before?.ended;
    return () => {
      if (this.#current === place) this.#current = undefined;
      resolve();
    };
  }
}
