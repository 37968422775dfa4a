/**
 * The log in RocksDB. Recent entries and all terms are in memory too, so that replication and apply read no disk; writes go to a
 * thread of their own (log-writer.ts).
 *
 * Format, version 2 (key -> value; numbers big-endian in keys, little-endian in values; "sealed" is u32 CRC-32 of the rest, then JSON):
 *
 * ```
 * "v"              sealed {"version":2}
 * "i"              sealed {"clusterId":"...","memberId":1}    whose log this is
 * "h"              u48 term, u48 vote, u48 commit, u32 CRC-32 of the 18 bytes before
 * "s"              sealed {"snapshot":{index, term, configuration},"cut":{index, term}}
 * "e" u64 index    a pack of entries as in entry-codec.ts, the first of which has this index
 * ```
 *
 * A pack counts up to where the next one begins: entries that are replaced may stay at the end of the pack before. So [1..9], then 4 and 5
 * again in a later term, is "e1" 1..9 and "e4" 4..5, and the log ends at 5. Packs that begin later are deleted in the same batch.
 * Version 1 had "1" at "v", records without seals, and one record for each entry; it is rewritten when it is opened.
 *
 * Invariants: entries are contiguous from cut index + 1; the file of the recorded snapshot exists; cut index <= snapshot index; the
 * log reaches its tail mark (tail-mark.ts). One `write` is one RocksDB batch, hence one sync of its write-ahead log.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RocksLevel } from '@nxtedition/rocksdb';
import { entryBytes, limitBytes } from './core/log.ts';
import type { Entry, HardState, SnapshotMeta } from './core/types.ts';
import { decodeEntryV1, decodePack, encodedBytes, encodePack } from './entry-codec.ts';
import type { JobOperation } from './log-job.ts';
import {
  type LogStorage,
  type LogWrite,
  type MemberIdentity,
  reasonOf,
  remedies,
  StorageError,
  type StorageErrorReason,
} from './log-storage.ts';
import { LogWriter } from './log-writer.ts';
import { decodeTailMark, encodeTailMark, type TailMark } from './tail-mark.ts';
import { TermRuns } from './term-runs.ts';

export const logFormatVersion = 2;
/** Recent entries kept in memory: at most this many bytes of commands and headers. */
const cacheLimitBytes = 8 << 20;
/** A pack is closed when it has this much, so that reading one entry reads little else. */
const packLimitBytes = 256 << 10;
/** Packs in one read of the disk. */
const readPacks = 8;
const scanRows = 1000;
const inUseRetryMs = 50;

const openOptions = {
  createIfMissing: true,
  parallelism: 1,
  compaction: 'level',
  // A quarter of it is a write buffer; under load there are two or three.
  memtableMemoryBudget: 16 << 20,
  cacheSize: 1 << 20,
  walTotalSizeLimit: 64 << 20,
};

interface SnapshotRecord {
  readonly snapshot: SnapshotMeta;
  readonly cut: SnapshotMeta;
}

export interface RocksLogStorageOptions {
  /** The writer thread's entry file, where bundling has moved it. */
  readonly writerUrl?: URL | undefined;
  /** A write failed. By default thrown where nobody catches it: the thread ends. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** How long to wait for a process that has the log open and may be ending. Default 0. */
  readonly inUseTimeoutMs?: number | undefined;
}

const entryKey = (index: number): Buffer => {
  const key = Buffer.allocUnsafe(9);
  key[0] = 0x65;
  key.writeBigUInt64BE(BigInt(index), 1);
  return key;
};
const entryIndex = (key: Buffer): number => Number(key.readBigUInt64BE(1));

function packNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 6 + 4);
  for (const [position, value] of numbers.entries()) bytes.writeUIntLE(value, position * 6, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, numbers.length * 6)), numbers.length * 6);
  return bytes;
}

function seal(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(crc32(json));
  return Buffer.concat([head, json]);
}

/** Cuts entries into packs. */
function inPacks(entries: readonly Entry[]): (readonly Entry[])[] {
  const packs: (readonly Entry[])[] = [];
  let begin = 0;
  let bytes = 0;
  for (let position = 0; position < entries.length; position++) {
    const more = encodedBytes(entries[position]!);
    if (position > begin && bytes + more > packLimitBytes) {
      packs.push(entries.slice(begin, position));
      begin = position;
      bytes = 0;
    }
    bytes += more;
  }
  if (begin === 0) return entries.length > 0 ? [entries] : [];
  packs.push(entries.slice(begin));
  return packs;
}

export class RocksLogStorage implements LogStorage {
  readonly #db: RocksLevel;
  readonly #dir: string;
  #writer!: LogWriter;
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #snapshot: SnapshotMeta = { index: 0, term: 0 };
  /** Index of the last entry that was cut off. */
  #cut = 0;
  #last = 0;
  #terms = new TermRuns(0, 0);
  /** First indexes of the packs on disk, ascending. */
  #packs: number[] = [];
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
  static async open(
    dir: string,
    identity: MemberIdentity,
    options: RocksLogStorageOptions = {},
  ): Promise<RocksLogStorage> {
    mkdirSync(dir, { recursive: true });
    const db = new RocksLevel(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    const storage = new RocksLogStorage(db, dir);
    await storage.#open(options.inUseTimeoutMs ?? 0);
    try {
      await storage.#load(identity);
    } catch (error) {
      await db.close();
      throw error;
    }
    const onError = (error: Error) => {
      throw error;
    };
    storage.#writer = new LogWriter({
      handle: db.handle,
      dir,
      tailPath: storage.#tailPath,
      workerUrl: options.writerUrl,
      onError: options.onError ?? onError,
    });
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
    return limitBytes(this.#read(low, Math.min(high, low + scanRows), maxBytes), maxBytes);
  }

  write({ hardState, snapshot, entries = [], sync }: LogWrite, done: () => void): void {
    const operations: JobOperation[] = [];
    const hard = hardState ?? this.#hardState;
    const first = entries[0]?.index;
    const lastAfter = entries.at(-1) ?? snapshot ?? this.#lastEntry();
    const untouched = snapshot?.index ?? (first === undefined ? this.#last : first - 1);
    // It is synced before the batch, so it may speak only of the hard state that is on disk already.
    if (untouched < this.#last)
      operations.push({ type: 'lower', value: this.#mark(this.#hardState, this.#edge(untouched)) });
    if (hardState)
      operations.push({
        type: 'put',
        key: Buffer.from('h'),
        value: packNumbers([hardState.term, hardState.vote, hardState.commit]),
      });
    const from = snapshot ? 0 : (first ?? Number.POSITIVE_INFINITY);
    for (let at = this.#packs.length - 1; at >= 0 && this.#packs[at]! >= from; at--)
      operations.push({ type: 'delete', key: entryKey(this.#packs[at]!) });
    if (snapshot) operations.push(snapshotOperation({ snapshot, cut: { index: snapshot.index, term: snapshot.term } }));
    const packs = inPacks(entries);
    for (const pack of packs) operations.push({ type: 'put-entries', key: entryKey(pack[0]!.index), entries: pack });
    if (sync) operations.push({ type: 'raise', value: this.#mark(hard, lastAfter, snapshot?.index) });
    this.#writer.submit({ sync, operations }, () => {
      if (hardState) this.#hardState = hardState;
      if (snapshot) this.#resetTo(snapshot, snapshot);
      for (const pack of packs) this.#append(pack);
      done();
    });
  }

  compact(snapshot: SnapshotMeta, cutIndex: number, done: () => void = () => undefined): void {
    const cut = Math.max(this.#cut, Math.min(cutIndex, snapshot.index));
    const cutTerm = this.term(cut);
    if (cutTerm === undefined || snapshot.index < this.#snapshot.index) {
      done();
      return;
    }
    const operations: JobOperation[] = [snapshotOperation({ snapshot, cut: { index: cut, term: cutTerm } })];
    let gone = 0;
    while (gone < this.#packs.length && (this.#packs[gone + 1] ?? this.#last + 1) <= cut + 1)
      operations.push({ type: 'delete', key: entryKey(this.#packs[gone++]!) });
    this.#packs.splice(0, gone);
    this.#snapshot = snapshot;
    this.#cut = cut;
    this.#terms.cutTo(cut);
    const keep = this.#last - cut;
    if (this.#cache.length > keep) this.#dropOldest(this.#cache.length - keep);
    operations.push({ type: 'raise', value: this.#mark(this.#hardState, this.#lastEntry()) });
    this.#writer.submit({ sync: true, operations }, done);
  }

  pendingSinceMs(): number | undefined {
    return this.#writer.pendingSinceMs();
  }

  /** For the scrubber: first indexes of what is on disk now. */
  packs(): readonly number[] {
    return this.#packs.slice();
  }

  /**
   * Reads a pack from disk, without waiting for the disk, and verifies it. Resolves with its bytes; 0 when it has been removed meanwhile.
   * @throws StorageError
   */
  async verifyPack(first: number): Promise<number> {
    const key = entryKey(first);
    const [bytes] = await this.#db.getMany([key], { fillCache: false }).catch((error: Error) => {
      throw this.#error(reasonOf(error), `entries from ${first} on cannot be read: ${error.message}`, { cause: error });
    });
    if (bytes) this.#decode(bytes, first);
    else if (this.#packs.includes(first)) throw this.#error('corrupt', `entries from ${first} on are missing`);
    return bytes?.length ?? 0;
  }

  /** Another thread may open the same database with it, as long as this is open. */
  get handle(): bigint {
    return this.#db.handle;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#db.close();
  }

  get #tailPath(): string {
    return join(this.#dir, 'TAIL');
  }

  #lastEntry(): SnapshotMeta {
    return { index: this.#last, term: this.#terms.term(this.#last)! };
  }

  /** The last entry at or before `index` that the log knows. */
  #edge(index: number): SnapshotMeta {
    const at = Math.max(this.#cut, Math.min(index, this.#last));
    return { index: at, term: this.#terms.term(at)! };
  }

  #mark({ term, vote }: HardState, last: SnapshotMeta, snapshotIndex = this.#snapshot.index): Buffer {
    return encodeTailMark({ index: last.index, indexTerm: last.term, term, vote, snapshotIndex });
  }

  #error(
    reason: StorageErrorReason,
    what: string,
    details: { cause?: unknown; found?: MemberIdentity } = {},
  ): StorageError {
    return new StorageError(reason, `Raft log in "${this.#dir}": ${what}. ${remedies[reason]}`, details);
  }

  #resetTo(snapshot: SnapshotMeta, cut: SnapshotMeta): void {
    this.#snapshot = snapshot;
    this.#cut = cut.index;
    this.#last = cut.index;
    this.#terms = new TermRuns(cut.index, cut.term);
    this.#packs = [];
    this.#cache = [];
    this.#cacheBytes = 0;
  }

  /** One pack. */
  #append(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    while (this.#packs.length > 0 && this.#packs.at(-1)! >= first) this.#packs.pop();
    this.#packs.push(first);
    if (first <= this.#last) {
      const dropped = this.#cache.splice(Math.max(0, this.#cache.length - (this.#last - first + 1)));
      for (const entry of dropped) this.#cacheBytes -= entryBytes(entry);
      this.#terms.truncateFrom(first);
    }
    for (const entry of entries) {
      if (entry.index <= this.#cut) continue;
      this.#cache.push(entry);
      this.#cacheBytes += entryBytes(entry);
      this.#terms.add(entry.index, entry.term);
    }
    this.#last = Math.max(this.#cut, entries.at(-1)!.index);
    let excess = 0;
    for (let bytes = this.#cacheBytes; bytes > cacheLimitBytes && excess < this.#cache.length - 1; excess++)
      bytes -= entryBytes(this.#cache[excess]!);
    if (excess > 0) this.#dropOldest(excess);
  }

  #dropOldest(count: number): void {
    for (const entry of this.#cache.splice(0, count)) this.#cacheBytes -= entryBytes(entry);
  }

  #query(gte: Buffer, lt: Buffer, limit: number): Buffer[] {
    try {
      return this.#db.querySync({ gte, lt, limit, keyEncoding: 'buffer', valueEncoding: 'buffer' }).rows;
    } catch (error) {
      throw this.#error(reasonOf(error), `entries cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  /** At least one entry, and about `maxBytes`. */
  #read(low: number, high: number, maxBytes: number): Entry[] {
    const entries: Entry[] = [];
    let position = this.#packs.findLastIndex((first) => first <= low);
    if (position < 0) throw this.#error('corrupt', `entry ${low} is missing`);
    for (let next = low, bytes = 0; next < high && bytes < maxBytes; ) {
      const rows = this.#query(entryKey(this.#packs[position]!), entryKey(high), readPacks);
      if (rows.length === 0) throw this.#error('corrupt', `entry ${next} is missing`);
      for (let at = 0; at < rows.length && next < high; at += 2, position++) {
        const first = entryIndex(rows[at]!);
        if (first !== this.#packs[position]) throw this.#error('corrupt', `entry ${next} is missing`);
        const end = Math.min(high, this.#packs[position + 1] ?? this.#last + 1);
        for (const entry of this.#decode(rows[at + 1]!, first)) {
          if (entry.index !== next || next >= end) continue;
          entries.push(entry);
          bytes += entryBytes(entry);
          next++;
        }
        if (next < end) throw this.#error('corrupt', `entry ${next} is missing`);
      }
    }
    return entries;
  }

  #decode(bytes: Buffer, first: number): Entry[] {
    try {
      const entries = decodePack(bytes);
      const wrong = entries.findIndex(({ index }, position) => index !== first + position);
      if (wrong < 0 && entries.length > 0) return entries;
      throw new Error(wrong < 0 ? 'the pack is empty' : `found index ${entries[wrong]!.index} in place ${wrong}`);
    } catch (error) {
      throw this.#error('corrupt', `entries from ${first} on cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #unseal(bytes: Buffer, what: string): unknown {
    if (bytes.length < 4 || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0))
      throw this.#error('corrupt', `the ${what} fails its checksum`);
    return JSON.parse(bytes.subarray(4).toString());
  }

  #unpackNumbers(bytes: Buffer, count: number, what: string): number[] {
    if (bytes.length !== count * 6 + 4 || crc32(bytes.subarray(0, count * 6)) !== bytes.readUInt32LE(count * 6))
      throw this.#error('corrupt', `the ${what} fails its checksum`);
    return Array.from({ length: count }, (_, position) => bytes.readUIntLE(position * 6, 6));
  }

  /** RocksDB's lock belongs to a process until its last thread has ended, which after SIGKILL may be a write of the disk later. */
  async #open(inUseTimeoutMs: number): Promise<void> {
    for (const deadlineMs = performance.now() + inUseTimeoutMs; ; ) {
      try {
        await this.#db.open(openOptions);
        return;
      } catch (error) {
        const cause = ((error as Error).cause ?? error) as Error & { code?: string };
        const isInUse = cause.code === 'LEVEL_LOCKED';
        if (!isInUse || performance.now() >= deadlineMs)
          throw this.#error(isInUse ? 'in-use' : reasonOf(error), `cannot be opened: ${cause.message}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, inUseRetryMs));
    }
  }

  async #load(identity: MemberIdentity): Promise<void> {
    const keys = ['v', 'i', 'h', 's'].map((key) => Buffer.from(key));
    const [version, owner, hard, snapshot] = await this.#db.getMany(keys).catch((error: Error) => {
      throw this.#error(reasonOf(error), `its records cannot be read: ${error.message}`, { cause: error });
    });
    const mark = this.#readMark();
    if (!version) {
      if (owner || hard || snapshot || (mark && mark.index + mark.term > 0))
        throw this.#error('corrupt', 'its format version is missing, but it was in use');
      const [v, i] = [seal({ version: logFormatVersion }), seal(identity)];
      this.#db.batch().put(Buffer.from('v'), v).put(Buffer.from('i'), i)._writeSync({ sync: true });
      return;
    }
    const isV1 = version.toString() === '1';
    const known = isV1 ? 1 : (this.#unseal(version, 'format version') as { version: number }).version;
    if (known !== 1 && known !== logFormatVersion)
      throw this.#error('format', `it has format version ${known}, this program knows 1 to ${logFormatVersion}`);
    if (!owner) throw this.#error('corrupt', 'the record of whose log this is is missing');
    const found = (isV1 ? JSON.parse(owner.toString()) : this.#unseal(owner, "owner's record")) as MemberIdentity;
    if (found.clusterId !== identity.clusterId || found.memberId !== identity.memberId)
      throw this.#error(
        'identity',
        `it belongs to member ${found.memberId} of cluster "${found.clusterId}", ` +
          `not to member ${identity.memberId} of cluster "${identity.clusterId}"`,
        { found },
      );
    if (hard) {
      const [term, vote, commit] = this.#unpackNumbers(hard, 3, 'hard state') as [number, number, number];
      this.#hardState = { term, vote, commit };
    }
    if (snapshot) {
      const record = isV1
        ? this.#snapshotRecordV1(snapshot)
        : (this.#unseal(snapshot, 'snapshot record') as SnapshotRecord);
      this.#resetTo(record.snapshot, record.cut);
    }
    if (isV1) this.#upgradeFromV1(identity);
    else this.#loadEntries();
    if (mark) this.#check(mark);
    if (this.#hardState.commit > this.#last)
      throw this.#error('corrupt', `it ends at entry ${this.#last}, but entry ${this.#hardState.commit} was committed`);
  }

  #readMark(): TailMark | undefined {
    try {
      return decodeTailMark(readFileSync(this.#tailPath));
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw this.#error(reasonOf(error), `its tail mark cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  #check({ index, indexTerm, term, vote, snapshotIndex }: TailMark): void {
    const own = this.#hardState;
    if (this.#last < index)
      throw this.#error(
        'corrupt',
        `it ends at entry ${this.#last}, but entry ${index} was synced and acknowledged: its write-ahead log is damaged`,
      );
    const found = this.term(index);
    if (found !== undefined && found < indexTerm)
      throw this.#error('corrupt', `entry ${index} is of term ${found}, but one of term ${indexTerm} was synced`);
    if (own.term < term || (own.term === term && vote !== 0 && own.vote !== vote))
      throw this.#error(
        'corrupt',
        `it knows term ${own.term} and vote ${own.vote}, but term ${term} and vote ${vote} were synced`,
      );
    if (this.#snapshot.index < snapshotIndex)
      throw this.#error('corrupt', `it knows snapshot ${this.#snapshot.index}, but ${snapshotIndex} was recorded`);
  }

  /** Reads every entry once: builds terms and cache, and finds damage at start instead of when it is needed. */
  #loadEntries(): void {
    for (let from = 0; ; ) {
      const rows = this.#query(entryKey(from), entryKey(2 ** 48), readPacks);
      if (rows.length === 0) return;
      for (let at = 0; at < rows.length; at += 2) {
        const first = entryIndex(rows[at]!);
        if (first > this.#last + 1) throw this.#error('corrupt', `entry ${this.#last + 1} is missing`);
        const entries = this.#decode(rows[at + 1]!, first);
        from = first + 1;
        this.#append(entries);
      }
    }
  }

  // --- version 1 ---

  #snapshotRecordV1(bytes: Buffer): SnapshotRecord {
    const numbers = this.#unpackNumbers(bytes, 4, 'snapshot record') as [number, number, number, number];
    return { snapshot: { index: numbers[0], term: numbers[1] }, cut: { index: numbers[2], term: numbers[3] } };
  }

  /** One batch: a crash leaves version 1 or version 2. */
  #upgradeFromV1(identity: MemberIdentity): void {
    const batch = this.#db.batch();
    for (;;) {
      const rows = this.#query(entryKey(this.#last + 1), entryKey(2 ** 48), scanRows);
      if (rows.length === 0) break;
      const entries: Entry[] = [];
      for (let at = 0; at < rows.length; at += 2) {
        const index = this.#last + 1 + entries.length;
        try {
          entries.push(decodeEntryV1(rows[at + 1]!));
        } catch (error) {
          throw this.#error('corrupt', `entry ${index} cannot be read: ${(error as Error).message}`, { cause: error });
        }
        if (entries.at(-1)!.index !== index) throw this.#error('corrupt', `entry ${index} is missing`);
        batch.del(rows[at]!);
      }
      for (const pack of inPacks(entries)) {
        batch.put(entryKey(pack[0]!.index), encodePack(pack));
        this.#append(pack);
      }
    }
    const cut = { index: this.#cut, term: this.#terms.term(this.#cut)! };
    batch.put(Buffer.from('s'), seal({ snapshot: this.#snapshot, cut } satisfies SnapshotRecord));
    batch.put(Buffer.from('i'), seal(identity));
    batch.put(Buffer.from('v'), seal({ version: logFormatVersion }));
    batch._writeSync({ sync: true });
  }
}

function snapshotOperation(record: SnapshotRecord): JobOperation {
  return { type: 'put', key: Buffer.from('s'), value: seal(record) };
}
