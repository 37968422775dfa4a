/** A sliding window over append messages that were sent and not yet acknowledged, limited by count and bytes. */
export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #window: { lastIndex: number; bytes: number }[] = [];
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#window.length;
  }

  full(): boolean {
    return this.#window.length >= this.#maxMessages || this.#bytes >= this.#maxBytes;
  }

  /** A message whose last entry is `lastIndex` is on its way. Indexes are added in ascending order. */
  add(lastIndex: number, bytes: number): void {
    this.#window.push({ lastIndex, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `index` has arrived. */
  freeTo(index: number): void {
    let freed = 0;
    while (freed < this.#window.length && this.#window[freed]!.lastIndex <= index) {
      this.#bytes -= this.#window[freed]!.bytes;
      freed++;
    }
    if (freed > 0) this.#window.splice(0, freed);
  }

  /** Lets one more message out although nothing was acknowledged, so that a window of lost messages cannot stall for ever. */
  freeFirst(): void {
    const first = this.#window[0];
    if (first) this.freeTo(first.lastIndex);
  }

  reset(): void {
    this.#window = [];
    this.#bytes = 0;
  }
}
