/** Prints one line per finished step, with how long it took since the start of the command. */
export class Progress {
  readonly #startedMs = performance.now();

  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  done(step: string): void {
    this.line(`  ${this.seconds().padStart(6)} s  ${step}`);
  }

  seconds(): string {
    return ((performance.now() - this.#startedMs) / 1000).toFixed(2);
  }
}
