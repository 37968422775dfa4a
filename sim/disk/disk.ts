/**
 * The disk of one member: a key-value part (what RocksDB keeps) and files. A write is visible at once and durable after a sync.
 *
 * When the power fails, of the batches that were not synced a first part survives (RocksDB's own log is sequential and checks itself, so a batch
 * survives whole or not at all); of a file that was not synced any length; of a rename that the folder did not sync, the new or the old name.
 */
import type { Prng } from '../../src/lib/prng.ts';

export type KeyOperation = { readonly key: string; readonly value: Buffer | undefined };

export interface SimulatedFile {
  content: Buffer;
  /** As of the last sync. */
  synced: Buffer;
}

export class Disk {
  /** How long a write takes, in real milliseconds. */
  delayMs = 1;
  #durable = new Map<string, Buffer>();
  #visible = new Map<string, Buffer>();
  #unsynced: (readonly KeyOperation[])[] = [];
  #files = new Map<string, SimulatedFile>();
  #durableNames = new Map<string, SimulatedFile>();
  /** Counts batches, so that a nemesis can fail the power between two of them. */
  writes = 0;

  // --- keys ---

  get(key: string): Buffer | undefined {
    return this.#visible.get(key);
  }

  /** Keys of [from, to) in order, at most `limit`. */
  scan(from: string, to: string, limit: number): [key: string, value: Buffer][] {
    const found: [string, Buffer][] = [];
    for (const entry of this.#visible) if (entry[0] >= from && entry[0] < to) found.push(entry);
    found.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return found.slice(0, limit);
  }

  /** Returns a number for {@link syncTo}. */
  put(operations: readonly KeyOperation[]): number {
    this.#unsynced.push(operations);
    perform(this.#visible, operations);
    return ++this.writes;
  }

  /** Everything up to that batch is durable now. */
  syncTo(write: number): void {
    const count = this.#unsynced.length - (this.writes - write);
    for (const operations of this.#unsynced.splice(0, Math.max(0, count))) perform(this.#durable, operations);
  }

  // --- files ---

  file(path: string): SimulatedFile | undefined {
    return this.#files.get(path);
  }

  create(path: string): SimulatedFile {
    const file = { content: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.#files.set(path, file);
    return file;
  }

  rename(from: string, to: string): boolean {
    const file = this.#files.get(from);
    if (!file) return false;
    this.#files.delete(from);
    this.#files.set(to, file);
    return true;
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  names(folder: string): string[] {
    const prefix = `${folder}/`;
    return [...this.#files.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
      .map((path) => path.slice(prefix.length))
      .sort();
  }

  syncNames(): void {
    this.#durableNames = new Map(this.#files);
  }

  // --- faults ---

  powerFailure(prng: Prng): void {
    const survivors = prng.integer(0, this.#unsynced.length);
    for (const operations of this.#unsynced.slice(0, survivors)) perform(this.#durable, operations);
    this.#unsynced = [];
    this.#visible = new Map(this.#durable);
    // What the folder had not synced may have come to be or not; a file that both views name is there.
    const files = prng.chance(0.5) ? this.#files : this.#durableNames;
    this.#files = new Map();
    for (const [path, file] of files) {
      const { content, synced } = file;
      const grown = content.length > synced.length && content.subarray(0, synced.length).equals(synced);
      // Appended: any length. Written in place (within one sector): the old or the new.
      const survived = grown
        ? Buffer.from(content.subarray(0, prng.integer(synced.length, content.length)))
        : prng.pick([content, synced]);
      this.#files.set(path, { content: survived, synced: survived });
    }
    this.#durableNames = new Map(this.#files);
  }

  /** The values of two entries change places, or one has a bit turned. Returns what was done, for the story. */
  damage(prng: Prng, kind: 'bit-rot' | 'misdirected-write'): string | undefined {
    const entries = [...this.#durable.keys()].filter((key) => key.startsWith('e')).sort();
    if (entries.length < 2) return undefined;
    const at = prng.integer(0, entries.length - 2);
    const [one, other] = [entries[at]!, entries[at + 1]!];
    if (kind === 'bit-rot') {
      const bytes = Buffer.from(this.#durable.get(one)!);
      // Headers have a checksum of their own; half of the time, what is behind them.
      const position = prng.integer(prng.chance(0.5) ? Math.min(60, bytes.length - 1) : 0, bytes.length - 1);
      bytes[position]! ^= 1 << prng.integer(0, 7);
      this.#durable.set(one, bytes);
    } else this.#durable.set(one, this.#durable.get(other)!);
    this.#visible = new Map(this.#durable);
    return `${kind} in entry ${at + 1} of ${entries.length}`;
  }

  /** Everything is gone: the machine was replaced. */
  wipe(): void {
    this.#durable.clear();
    this.#visible.clear();
    this.#unsynced = [];
    this.#files.clear();
    this.#durableNames.clear();
  }
}

function perform(keys: Map<string, Buffer>, operations: readonly KeyOperation[]): void {
  for (const { key, value } of operations) {
    if (value === undefined) keys.delete(key);
    else keys.set(key, value);
  }
}
