/**
 * When a member takes the next snapshot of its state: after so many entries or bytes. A snapshot writes the whole state, whatever has changed,
 * so a state that is large compared with the log before it waits for more of it, up to four times as much: that bounds both what is written for
 * each write of a client and what a start has to read. Pure.
 */
const maxFactor = 4;

export interface SnapshotLimits {
  readonly everyEntries: number;
  readonly everyBytes: number;
}

export class SnapshotSchedule {
  readonly #limits: SnapshotLimits;
  #entries = 0;
  #bytes = 0;
  #stateBytes = 0;

  constructor(limits: SnapshotLimits) {
    this.#limits = limits;
  }

  applied(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
  }

  get due(): boolean {
    const { everyEntries, everyBytes } = this.#limits;
    const factor = Math.min(maxFactor, Math.max(1, this.#stateBytes / everyBytes));
    return this.#entries >= everyEntries * factor || this.#bytes >= everyBytes * factor;
  }

  /** A snapshot has begun: what is applied from now on counts for the next one. */
  restart(): void {
    this.#entries = 0;
    this.#bytes = 0;
  }

  /** The whole state took this much as a snapshot, written or read. */
  measured(stateBytes: number): void {
    this.#stateBytes = stateBytes;
  }
}
