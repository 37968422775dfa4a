/** The messages of a call, one by one: the next is taken from the other side only when the one before was dealt with. */
import type { Call } from './call.ts';

export class CallMessages {
  readonly #call: Call;
  readonly #inbox: Uint8Array[] = [];
  #complete = false;
  #broken: Error | undefined;
  #wake: () => void = () => undefined;

  /** To be made in the call's handler, before anything can have come. */
  constructor(call: Call) {
    this.#call = call;
    call.onMessage = (message) => {
      this.#inbox.push(message);
      call.pause();
      this.#wake();
    };
    call.onHalfClose = () => {
      this.#complete = true;
      this.#wake();
    };
    call.onCancel = () => this.abort(new Error('the call was broken off'));
  }

  /** Whoever reads gets this error. */
  abort(error: Error): void {
    this.#broken ??= error;
    this.#wake();
  }

  /** Ends behind the other side's last message. @throws what {@link abort} was given, or Error when the call is cancelled. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#broken) throw this.#broken;
      const next = this.#inbox.shift();
      if (next) {
        yield next;
        continue;
      }
      if (this.#complete) return;
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#call.resume();
      await more;
    }
  }
}
