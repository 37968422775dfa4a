/**
 * The whole state as bytes, the same on every replica at the same applied index.
 *
 *   snapshot = block* ; the payloads of the blocks, one after the other, are the content; a record may go on in the next block
 *   block    = u32 payload length | u32 CRC-32 of the payload | payload            (big-endian; at most 1 MiB with its head)
 *   content  = header lease* record* trailer
 *   header   = "TRIMAST\x02" | u48 revision | u48 compactedRevision | u48 number of records | u48 number of leases
 *   lease    = i64 id | u48 TTL in seconds | u48 renewals | u48 milliseconds left at the last renewal or checkpoint
 *   record   = u32 key length | u32 value length | u48 createRevision | u48 modRevision | u48 version | i64 lease or 0 | key | value
 *   trailer  = u32 length | state hash (ASCII)
 *
 * Format 1 has "TRIMAST\x01" and knows no leases: its header ends after the number of records, and its records have none. It is still read.
 *
 * Leases are in the order of their grants; records in order of key, then modRevision; a tombstone is a record with version 0. A reader takes the
 * bytes in chunks of any size and accepts the state only if its hash is the trailer's.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../lib/assert.ts';
import type { LeaseRecord } from './lease-table.ts';
import { maxKeyBytes, maxLeases, maxSnapshotChunkBytes, maxValueBytes } from './limits.ts';
import { State } from './state.ts';
import type { StateScan } from './state-scan.ts';
import { StoreError } from './types.ts';
import { Version } from './version.ts';

const magicStart = 'TRIMAST';
const newestFormat = 2;
const magicBytes = magicStart.length + 1;
const leaseBytes = 8 + 3 * 6;
const blockHeadBytes = 8;
const maxPayloadBytes = maxSnapshotChunkBytes - blockHeadBytes;
/** What is written at a time, so that the writes in between wait less than a millisecond. */
const writtenBlockBytes = 256 * 1024;
const maxSliceVersions = 1_024;

/**
 * One block per chunk. What is written is the state at the time of the call, however long the reading takes; the state is walked as the chunks are
 * taken, so that writes between them do not wait.
 */
export function writeSnapshot(state: State): Iterable<Uint8Array> {
  const header = Buffer.alloc(magicBytes + 4 * 6);
  header.write(magicStart, 0, 'latin1');
  header[magicStart.length] = newestFormat;
  header.writeUIntBE(state.revision, magicBytes, 6);
  header.writeUIntBE(state.compactedRevision, magicBytes + 6, 6);
  header.writeUIntBE(state.versions, magicBytes + 12, 6);
  header.writeUIntBE(state.leases.size, magicBytes + 18, 6);
  // Leases change in place, so they are written down at once; they are small.
  const leases = Buffer.allocUnsafe(state.leases.size * leaseBytes);
  let at = 0;
  for (const lease of state.leases.values()) at = writeLease(leases, at, lease);
  const hash = Buffer.from(state.hash(), 'latin1');
  const trailer = Buffer.alloc(4 + hash.length);
  trailer.writeUInt32BE(hash.length, 0);
  trailer.set(hash, 4);
  return blocks(content([header, leases], state.scan(), state.versions, trailer));
}

function writeLease(buffer: Buffer, at: number, lease: LeaseRecord): number {
  buffer.writeBigInt64BE(lease.id, at);
  buffer.writeUIntBE(lease.ttlSeconds, at + 8, 6);
  buffer.writeUIntBE(lease.renewals, at + 14, 6);
  return buffer.writeUIntBE(lease.remainingMs, at + 20, 6);
}

function* content(head: readonly Buffer[], scan: StateScan, count: number, trailer: Buffer): Generator<Uint8Array> {
  yield* head;
  let written = 0;
  while (!scan.done) {
    for (const version of scan.read(maxSliceVersions, writtenBlockBytes)) {
      written++;
      yield recordHead(version);
      const { bytes } = version.slab;
      if (version.length > 0) yield bytes.subarray(version.offset, version.offset + version.length);
    }
  }
  assert(written === count, 'a snapshot has every version', { written, count });
  yield trailer;
}

function recordHead({ key, length, createRevision, modRevision, version, leaseId }: Version): Buffer {
  const size = recordHeadBytes(newestFormat);
  const head = Buffer.allocUnsafe(size + key.length);
  head.writeUInt32BE(key.length, 0);
  head.writeUInt32BE(length, 4);
  head.writeUIntBE(createRevision, 8, 6);
  head.writeUIntBE(modRevision, 14, 6);
  head.writeUIntBE(version, 20, 6);
  head.writeBigInt64BE(leaseId ?? 0n, 26);
  head.write(key, size, 'latin1');
  return head;
}

function recordHeadBytes(format: number): number {
  return 4 + 4 + 3 * 6 + (format === 1 ? 0 : 8);
}

function* blocks(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let block = Buffer.allocUnsafeSlow(writtenBlockBytes);
  let length = 0;
  const maxWritten = writtenBlockBytes - blockHeadBytes;
  const seal = (): Buffer => {
    const payload = block.subarray(blockHeadBytes, blockHeadBytes + length);
    block.writeUInt32BE(length, 0);
    block.writeUInt32BE(crc32(payload), 4);
    return block.subarray(0, blockHeadBytes + length);
  };
  for (const part of parts) {
    for (let offset = 0; offset < part.length; ) {
      const size = Math.min(part.length - offset, maxWritten - length);
      block.set(part.subarray(offset, offset + size), blockHeadBytes + length);
      length += size;
      offset += size;
      if (length < maxWritten) continue;
      yield seal();
      block = Buffer.allocUnsafeSlow(writtenBlockBytes);
      length = 0;
    }
  }
  if (length > 0) yield seal();
}

/** @throws StoreError invalid: damaged, cut short, or of a format that this program does not know. */
export async function readSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<State> {
  const state = new State();
  const input = new BlockReader(chunks);
  const magic = await input.read(magicBytes);
  const format = magic[magicStart.length]!;
  if (magic.toString('latin1', 0, magicStart.length) !== magicStart) damaged('it does not begin as a snapshot');
  if (format < 1 || format > newestFormat)
    damaged(`it has format ${format}, this program knows up to ${newestFormat}: use a newer one`);
  const header = await input.read(3 * 6);
  state.loadRevisions(header.readUIntBE(0, 6), header.readUIntBE(6, 6));
  const count = header.readUIntBE(12, 6);
  const leases = format === 1 ? 0 : (await input.read(6)).readUIntBE(0, 6);
  if (leases > maxLeases) damaged('it has an impossible number of leases');
  for (let i = 0; i < leases; i++) {
    const lease = await input.read(leaseBytes);
    const [ttlSeconds, renewals, remainingMs] = [8, 14, 20].map((at) => lease.readUIntBE(at, 6));
    state.leases.add(lease.readBigInt64BE(0), ttlSeconds!, renewals, remainingMs);
  }
  for (let i = 0; i < count; i++) await loadRecord(state, input, format);
  const hashLength = (await input.read(4)).readUInt32BE(0);
  if (hashLength > 256) damaged('its trailer has an impossible length');
  const hash = (await input.read(hashLength)).toString('latin1');
  if (hash !== state.hash()) damaged(`the state's hash is ${state.hash()}, its trailer says ${hash}`);
  if (!(await input.atEnd())) damaged('bytes follow its trailer');
  return state;
}

async function loadRecord(state: State, input: BlockReader, format: number): Promise<void> {
  const headBytes = recordHeadBytes(format);
  const head = input.tryRead(headBytes) ?? (await input.read(headBytes));
  const keyLength = head.readUInt32BE(0);
  const valueLength = head.readUInt32BE(4);
  if (keyLength > maxKeyBytes || valueLength > maxValueBytes) damaged('a record has an impossible length');
  const leaseId = format === 1 ? 0n : head.readBigInt64BE(26);
  const [createRevision, modRevision, versionNumber] = [8, 14, 20].map((at) => head.readUIntBE(at, 6));
  const body = input.tryRead(keyLength + valueLength) ?? (await input.read(keyLength + valueLength));
  const key = body.toString('latin1', 0, keyLength);
  const lease = leaseId === 0n ? undefined : (state.leases.get(leaseId)?.id ?? leaseId);
  state.load(new Version(key, createRevision!, modRevision!, versionNumber!, lease), body.subarray(keyLength));
}

function damaged(why: string): never {
  throw new StoreError('invalid', `the snapshot cannot be used: ${why}`);
}

/** Puts blocks together from chunks, checks them, and hands out their content in pieces of any size. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #raw: Buffer = Buffer.alloc(0);
  #content: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Without waiting, if the bytes are here already: a promise per record would make a large snapshot slow. */
  tryRead(size: number): Buffer | undefined {
    if (this.#content.length < size) return undefined;
    const result = this.#content.subarray(0, size);
    this.#content = this.#content.subarray(size);
    return result;
  }

  async read(size: number): Promise<Buffer> {
    while (this.#content.length < size) {
      if (!(await this.#nextBlock())) damaged('it was cut short');
    }
    const result = this.tryRead(size);
    assert(result, 'content was just read');
    return result;
  }

  async atEnd(): Promise<boolean> {
    return this.#content.length === 0 && !(await this.#nextBlock());
  }

  async #nextBlock(): Promise<boolean> {
    if (!(await this.#fillRaw(blockHeadBytes))) {
      if (this.#raw.length > 0) damaged('it was cut short');
      return false;
    }
    const length = this.#raw.readUInt32BE(0);
    const crc = this.#raw.readUInt32BE(4);
    if (length === 0 || length > maxPayloadBytes) damaged('a block has an impossible length');
    if (!(await this.#fillRaw(blockHeadBytes + length))) damaged('it was cut short');
    const payload = this.#raw.subarray(blockHeadBytes, blockHeadBytes + length);
    if (crc32(payload) !== crc) damaged('the checksum of a block is wrong');
    this.#raw = this.#raw.subarray(blockHeadBytes + length);
    this.#content = this.#content.length === 0 ? payload : Buffer.concat([this.#content, payload]);
    return true;
  }

  async #fillRaw(size: number): Promise<boolean> {
    while (this.#raw.length < size) {
      const { value, done } = await this.#chunks.next();
      if (done) return false;
      this.#raw = this.#raw.length === 0 ? Buffer.from(value) : Buffer.concat([this.#raw, value]);
    }
    return true;
  }
}
