/**
 * The log in RocksDB. Recent entries and all terms are in memory too, so that replication and apply read no disk.
 *
 * Format, version 1 (key -> value; numbers big-endian in keys, little-endian in values):
 *
 * ```
 * "v"              "1"
 * "i"              {"clusterId":"...","memberId":1}    whose log this is
 * "h"              u48 term, u48 vote, u48 commit, u32 CRC-32 of the 18 bytes before
 * "s"              u48 snapshot index, u48 snapshot term, u48 cut index, u48 cut term, u32 CRC-32 of the 24 bytes before
 * "e" u64 index    an entry as in entry-codec.ts
 * ```
 *
 * Invariant: entries are contiguous from cut index + 1; the file of the recorded snapshot exists; cut index <= snapshot index.
 * One `write` is one RocksDB batch, hence one fsync of its write-ahead log.
 */
import { mkdirSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type RocksBatch, RocksLevel } from '@nxtedition/rocksdb';
import { entryBytes, limitBytes } from './core/log.ts';
import type { Entry, HardState, SnapshotMeta } from './core/types.ts';
import { decodeEntry, EntryCorruptError, encodeEntry } from './entry-codec.ts';
import { type LogStorage, type LogWrite, type MemberIdentity, StorageError } from './log-storage.ts';
import { TermRuns } from './term-runs.ts';

/** Recent entries kept in memory: at most this many bytes of commands and headers. */
const cacheLimitBytes = 32 << 20;
const scanRows = 1000;
const remedy =
  'If the other members are healthy, stop this one, delete its Raft folder and start it again: it catches up.';

const entryKey = (index: number): Buffer => {
  const key = Buffer.allocUnsafe(9);
  key[0] = 0x65;
  key.writeBigUInt64BE(BigInt(index), 1);
  return key;
};

function packNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 6 + 4);
  for (const [position, value] of numbers.entries()) bytes.writeUIntLE(value, position * 6, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, numbers.length * 6)), numbers.length * 6);
  return bytes;
}

function unpackNumbers(bytes: Buffer, count: number, what: string): number[] {
  if (bytes.length !== count * 6 + 4 || crc32(bytes.subarray(0, count * 6)) !== bytes.readUInt32LE(count * 6))
    throw new StorageError(`${what} on disk fails its checksum. ${remedy}`);
  return Array.from({ length: count }, (_, position) => bytes.readUIntLE(position * 6, 6));
}

export class RocksLogStorage implements LogStorage {
  readonly #db: RocksLevel;
  readonly #dir: string;
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #snapshot: SnapshotMeta = { index: 0, term: 0 };
  /** Index of the last entry that was cut off. */
  #cut = 0;
  #last = 0;
  #terms = new TermRuns(0, 0);
  /** The last entries, up to `#last`. */
  #cache: Entry[] = [];
  #cacheBytes = 0;

  private constructor(db: RocksLevel, dir: string) {
    this.#db = db;
    this.#dir = dir;
  }

  /**
   * Opens or creates. A folder of another cluster or member is refused.
   * @throws StorageError
   */
  static async open(dir: string, identity: MemberIdentity): Promise<RocksLogStorage> {
    mkdirSync(dir, { recursive: true });
    const db = new RocksLevel(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    try {
      await db.open({
        createIfMissing: true,
        parallelism: 1,
        compaction: 'level',
        memtableMemoryBudget: 32 << 20,
        cacheSize: 1 << 20,
        walTotalSizeLimit: 64 << 20,
      });
    } catch (error) {
      const { cause } = error as Error;
      throw new StorageError(`cannot open the Raft log in "${dir}": ${String(cause ?? error)}`, { cause: error });
    }
    const storage = new RocksLogStorage(db, dir);
    try {
      await storage.#load(identity);
    } catch (error) {
      await db.close();
      throw error;
    }
    return storage;
  }

  hardState(): HardState {
    return this.#hardState;
  }

  firstIndex(): number {
    return this.#cut + 1;
  }

  lastIndex(): number {
    return this.#last;
  }

  term(index: number): number | undefined {
    return index < this.#cut || index > this.#last ? undefined : this.#terms.term(index);
  }

  snapshot(): SnapshotMeta {
    return this.#snapshot;
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] {
    const cacheFirst = this.#last - this.#cache.length + 1;
    if (low >= cacheFirst) return limitBytes(this.#cache.slice(low - cacheFirst, high - cacheFirst), maxBytes);
    return limitBytes(this.#read(low, Math.min(high, low + scanRows)), maxBytes);
  }

  /**
   * The batch is written on the calling thread (the binding has no other way), but only after what this turn still sends has left:
   * a leader's appends travel while its own disk works.
   */
  write(batch: LogWrite, done: () => void): void {
    setImmediate(() => {
      // Closed meanwhile: the batch is lost, as in a crash.
      if (this.#db.status !== 'open') return;
      this.#perform(batch, done);
    });
  }

  compact(snapshot: SnapshotMeta, cutIndex: number): void {
    const cut = Math.max(this.#cut, Math.min(cutIndex, snapshot.index));
    const cutTerm = this.term(cut);
    if (cutTerm === undefined || snapshot.index < this.#snapshot.index) return;
    const operations = this.#db.batch();
    operations.put(Buffer.from('s'), packNumbers([snapshot.index, snapshot.term, cut, cutTerm]));
    for (let index = this.#cut + 1; index <= cut; index++) operations.del(entryKey(index));
    this.#commitBatch(operations, true);
    this.#snapshot = snapshot;
    this.#cut = cut;
    this.#terms.cutTo(cut);
    const keep = this.#last - cut;
    if (this.#cache.length > keep) this.#dropOldest(this.#cache.length - keep);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  #perform({ hardState, snapshot, entries = [], sync }: LogWrite, done: () => void): void {
    const operations = this.#db.batch();
    if (hardState) operations.put(Buffer.from('h'), packNumbers([hardState.term, hardState.vote, hardState.commit]));
    if (snapshot) {
      for (let index = this.#cut + 1; index <= this.#last; index++) operations.del(entryKey(index));
      const { index, term } = snapshot;
      operations.put(Buffer.from('s'), packNumbers([index, term, index, term]));
    }
    for (const entry of entries) operations.put(entryKey(entry.index), encodeEntry(entry));
    const lastNew = entries.at(-1)?.index;
    if (lastNew !== undefined && !snapshot)
      for (let index = lastNew + 1; index <= this.#last; index++) operations.del(entryKey(index));
    this.#commitBatch(operations, sync, () => {
      if (hardState) this.#hardState = hardState;
      if (snapshot) this.#resetTo(snapshot);
      if (entries.length > 0) this.#append(entries);
      done();
    });
  }

  /** The binding writes before `write` returns and reports in the next tick. */
  #commitBatch(operations: RocksBatch, sync: boolean, done: () => void = () => undefined): void {
    operations.write({ sync }, (error) => {
      if (!error) {
        done();
        return;
      }
      // After a failed fsync nobody knows what is on disk: the only safe answer is to end and read it again.
      throw new StorageError(`writing the Raft log in "${this.#dir}" failed: ${error.message}`, { cause: error });
    });
  }

  #resetTo(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot;
    this.#cut = snapshot.index;
    this.#last = snapshot.index;
    this.#terms = new TermRuns(snapshot.index, snapshot.term);
    this.#cache = [];
    this.#cacheBytes = 0;
  }

  #append(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    if (first <= this.#last) {
      const dropped = this.#cache.splice(Math.max(0, this.#cache.length - (this.#last - first + 1)));
      for (const entry of dropped) this.#cacheBytes -= entryBytes(entry);
      this.#terms.truncateFrom(first);
    }
    for (const entry of entries) {
      this.#cache.push(entry);
      this.#cacheBytes += entryBytes(entry);
      this.#terms.add(entry.index, entry.term);
    }
    this.#last = entries.at(-1)!.index;
    let excess = 0;
    for (let bytes = this.#cacheBytes; bytes > cacheLimitBytes && excess < this.#cache.length - 1; excess++)
      bytes -= entryBytes(this.#cache[excess]!);
    if (excess > 0) this.#dropOldest(excess);
  }

  #dropOldest(count: number): void {
    for (const entry of this.#cache.splice(0, count)) this.#cacheBytes -= entryBytes(entry);
  }

  #read(low: number, high: number): Entry[] {
    const { rows } = this.#db.querySync({
      gte: entryKey(low),
      lt: entryKey(high),
      limit: scanRows,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    });
    const entries: Entry[] = [];
    for (let position = 1; position < rows.length; position += 2) {
      const index = low + entries.length;
      entries.push(this.#decode(rows[position]!, index));
    }
    if (entries.length !== high - low)
      throw new StorageError(`Raft log in "${this.#dir}": entry ${low + entries.length} is missing. ${remedy}`);
    return entries;
  }

  #decode(bytes: Buffer, index: number): Entry {
    try {
      const entry = decodeEntry(bytes);
      if (entry.index === index) return entry;
      throw new EntryCorruptError(`found index ${entry.index}`);
    } catch (error) {
      const detail = (error as Error).message;
      throw new StorageError(`Raft log in "${this.#dir}": entry ${index} cannot be read: ${detail}. ${remedy}`);
    }
  }

  async #load(identity: MemberIdentity): Promise<void> {
    const [version, owner, hard, snapshot] = await this.#db.getMany(
      ['v', 'i', 'h', 's'].map((key) => Buffer.from(key)),
    );
    if (!version) {
      const operations = this.#db.batch();
      operations.put(Buffer.from('v'), Buffer.from('1'));
      operations.put(Buffer.from('i'), Buffer.from(JSON.stringify(identity)));
      this.#commitBatch(operations, true);
      return;
    }
    if (version.toString() !== '1')
      throw new StorageError(`Raft log in "${this.#dir}" has format version ${version}, this program knows 1.`);
    const found = JSON.parse(String(owner)) as MemberIdentity;
    if (found.clusterId !== identity.clusterId || found.memberId !== identity.memberId)
      throw new StorageError(
        `Raft log in "${this.#dir}" belongs to member ${found.memberId} of cluster "${found.clusterId}", ` +
          `not to member ${identity.memberId} of cluster "${identity.clusterId}": check the data folder.`,
      );
    if (hard) {
      const [term, vote, commit] = unpackNumbers(hard, 3, 'hard state') as [number, number, number];
      this.#hardState = { term, vote, commit };
    }
    if (snapshot) {
      const numbers = unpackNumbers(snapshot, 4, 'snapshot record') as [number, number, number, number];
      this.#resetTo({ index: numbers[2], term: numbers[3] });
      this.#snapshot = { index: numbers[0], term: numbers[1] };
    }
    this.#loadEntries();
  }

  /** Reads every entry once: builds terms and cache, and finds damage at start instead of when it is needed. */
  #loadEntries(): void {
    for (;;) {
      const { rows } = this.#db.querySync({
        gte: entryKey(this.#last + 1),
        lt: entryKey(2 ** 48),
        limit: scanRows,
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
      });
      if (rows.length === 0) return;
      const first = this.#last + 1;
      const entries: Entry[] = [];
      for (let position = 1; position < rows.length; position += 2)
        entries.push(this.#decode(rows[position]!, first + entries.length));
      this.#append(entries);
    }
  }
}
