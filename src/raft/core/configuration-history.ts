/**
 * The configurations in the log. One counts from the moment when its entry is appended, committed or not (Raft dissertation, section 4.1),
 * so one that is cut off again gives way to the one before.
 *
 * Invariant: ascending indexes; the first one is never cut off: it came with a snapshot, with the first start, or is committed.
 */
import { decodeConfiguration } from './configuration.ts';
import type { Configuration, Entry } from './types.ts';

export interface PlacedConfiguration {
  /** Of its entry, or of the snapshot that it came with. */
  readonly index: number;
  readonly configuration: Configuration;
}

export class ConfigurationHistory {
  #placed: PlacedConfiguration[];

  constructor(base: PlacedConfiguration) {
    this.#placed = [base];
  }

  get current(): PlacedConfiguration {
    return this.#placed.at(-1)!;
  }

  /** The one that counted at `index`. */
  at(index: number): PlacedConfiguration {
    return this.#placed.findLast((placed) => placed.index <= index) ?? this.#placed[0]!;
  }

  /** These entries stand in the log now, and nothing behind them. */
  append(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    if (this.current.index >= first) this.#placed = this.#placed.filter(({ index }, at) => at === 0 || index < first);
    for (const { kind, index, command } of entries)
      if (kind === 'configuration') this.#placed.push({ index, configuration: decodeConfiguration(command) });
  }

  restore(base: PlacedConfiguration): void {
    this.#placed = [base];
  }

  /** What counted before `index` will not be asked for again. */
  forgetBefore(index: number): void {
    const base = this.at(index);
    this.#placed = this.#placed.filter((placed) => placed.index >= base.index);
  }
}
