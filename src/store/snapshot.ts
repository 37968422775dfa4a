/**
 * The whole state as bytes, the same on every replica at the same applied index.
 *
 *   snapshot = block* ; the payloads of the blocks, one after the other, are the content; a record may go on in the next block
 *   block    = u32 payload length | u32 CRC-32 of the payload | payload            (big-endian; at most 1 MiB with its head)
 *   content  = header record* trailer
 *   header   = "TRIMAST\x01" | u48 revision | u48 compactedRevision | u48 number of records
 *   record   = u32 key length | u32 value length | u48 createRevision | u48 modRevision | u48 version | key | value
 *   trailer  = u32 length | state hash (ASCII)
 *
 * Records are in order of key, then modRevision; a tombstone is a record with version 0. A reader takes the bytes in chunks of any size
 * and accepts the state only if its hash is the trailer's.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../lib/assert.ts';
import { maxKeyBytes, maxSnapshotChunkBytes, maxValueBytes } from './limits.ts';
import { State } from './state.ts';
import type { KeyValue } from './types.ts';
import { StoreError } from './types.ts';

const magic = 'TRIMAST\u0001';
const headerBytes = magic.length + 3 * 6;
const recordHeadBytes = 4 + 4 + 3 * 6;
const blockHeadBytes = 8;
const maxPayloadBytes = maxSnapshotChunkBytes - blockHeadBytes;

/** One block per chunk. What is written is the state at the time of the call, however long the reading takes. */
export function writeSnapshot(state: State): Iterable<Uint8Array> {
  const versions: KeyValue[] = [];
  state.forEachVersion({ key: '', end: '' }, (version) => versions.push(version));
  const hash = Buffer.from(state.hash(), 'latin1');
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 0, 'latin1');
  header.writeUIntBE(state.revision, magic.length, 6);
  header.writeUIntBE(state.compactedRevision, magic.length + 6, 6);
  header.writeUIntBE(versions.length, magic.length + 12, 6);
  const trailer = Buffer.alloc(4 + hash.length);
  trailer.writeUInt32BE(hash.length, 0);
  trailer.set(hash, 4);
  return blocks(content(header, versions, trailer));
}

function* content(header: Buffer, versions: readonly KeyValue[], trailer: Buffer): Generator<Uint8Array> {
  yield header;
  for (const version of versions) {
    const head = Buffer.allocUnsafe(recordHeadBytes + version.key.length);
    head.writeUInt32BE(version.key.length, 0);
    head.writeUInt32BE(version.value.length, 4);
    head.writeUIntBE(version.createRevision, 8, 6);
    head.writeUIntBE(version.modRevision, 14, 6);
    head.writeUIntBE(version.version, 20, 6);
    head.write(version.key, recordHeadBytes, 'latin1');
    yield head;
    yield version.value;
  }
  yield trailer;
}

function* blocks(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let block = Buffer.allocUnsafeSlow(maxSnapshotChunkBytes);
  let length = 0;
  const seal = (): Buffer => {
    const payload = block.subarray(blockHeadBytes, blockHeadBytes + length);
    block.writeUInt32BE(length, 0);
    block.writeUInt32BE(crc32(payload), 4);
    return block.subarray(0, blockHeadBytes + length);
  };
  for (const part of parts) {
    for (let offset = 0; offset < part.length; ) {
      const size = Math.min(part.length - offset, maxPayloadBytes - length);
      block.set(part.subarray(offset, offset + size), blockHeadBytes + length);
      length += size;
      offset += size;
      if (length < maxPayloadBytes) continue;
      yield seal();
      block = Buffer.allocUnsafeSlow(maxSnapshotChunkBytes);
      length = 0;
    }
  }
  if (length > 0) yield seal();
}

/** @throws StoreError invalid: damaged, cut short, or of a format that this program does not know. */
export async function readSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<State> {
  const state = new State();
  const input = new BlockReader(chunks);
  const header = await input.read(headerBytes);
  if (header.toString('latin1', 0, magic.length) !== magic) damaged('it does not begin as a snapshot of format 1');
  state.loadRevisions(header.readUIntBE(magic.length, 6), header.readUIntBE(magic.length + 6, 6));
  const count = header.readUIntBE(magic.length + 12, 6);
  for (let i = 0; i < count; i++) state.load(await readRecord(input));
  const hashLength = (await input.read(4)).readUInt32BE(0);
  if (hashLength > 256) damaged('its trailer has an impossible length');
  const hash = (await input.read(hashLength)).toString('latin1');
  if (hash !== state.hash()) damaged(`the state's hash is ${state.hash()}, its trailer says ${hash}`);
  if (!(await input.atEnd())) damaged('bytes follow its trailer');
  return state;
}

async function readRecord(input: BlockReader): Promise<KeyValue> {
  const head = input.tryRead(recordHeadBytes) ?? (await input.read(recordHeadBytes));
  const keyLength = head.readUInt32BE(0);
  const valueLength = head.readUInt32BE(4);
  if (keyLength > maxKeyBytes || valueLength > maxValueBytes) damaged('a record has an impossible length');
  const body = input.tryRead(keyLength + valueLength) ?? (await input.read(keyLength + valueLength));
  const value = Buffer.allocUnsafeSlow(valueLength);
  body.copy(value, 0, keyLength);
  return {
    key: body.toString('latin1', 0, keyLength),
    value,
    createRevision: head.readUIntBE(8, 6),
    modRevision: head.readUIntBE(14, 6),
    version: head.readUIntBE(20, 6),
  };
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
