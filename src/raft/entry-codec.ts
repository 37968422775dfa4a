/**
 * Packs of log entries: the one form that entries have on disk, between masters and between the threads of one. Version 2, little-endian:
 *
 * ```
 *  0  u32  CRC-32 of bytes 4 to 11 and of all entry headers
 *  4  u8   format version, 2
 *  5  u8   0
 *  6  u16  0
 *  8  u32  number of entries
 * 12  entry headers, 44 bytes each:
 *       0  u64  index
 *       8  u64  term
 *      16  u64  origin    the process life that proposed it, 0 = Raft itself
 *      24  u64  sequence  its running number within the origin
 *      32  u32  length of the command in bytes
 *      36  u32  checksum: CRC-32 of the command, begun with the low 32 bits of origin XOR sequence
 *      40  u8   kind: 0 empty, 1 command, 2 configuration, 3 change (only in proposals)
 *      41  u24  0
 * then the commands, one after the other
 * ```
 *
 * The checksum is computed once, where the entry is proposed, and travels with it: a command that was damaged or exchanged on any
 * disk, wire or memory in between is found at the next border, at the latest before it is applied. Index and term are given later,
 * so the pack's own CRC covers them. Decoded commands are views into the given bytes, not copies.
 *
 * Version 1 (read only, see {@link decodeEntryV1}) had a record for each entry.
 */
import { crc32 } from 'node:zlib';
import type { Entry, EntryKind, ProposedEntry } from './core/types.ts';

const packHeaderBytes = 12;
const entryHeaderBytes = 44;
const formatVersion = 2;
const high = 2 ** 32;

const kindCodes: Record<EntryKind, number> = { empty: 0, command: 1, configuration: 2, change: 3 };
const kinds: readonly EntryKind[] = ['empty', 'command', 'configuration', 'change'];

/** Bytes that are not what was encoded. */
export class EntryCorruptError extends Error {
  override readonly name = 'EntryCorruptError';
}

export function entryChecksum({ command, origin, sequence }: Pick<Entry, 'command' | 'origin' | 'sequence'>): number {
  return crc32(command, (origin ^ sequence) >>> 0);
}

/** Bytes of an entry within a pack. */
export function encodedBytes(entry: Pick<Entry, 'command'>): number {
  return entryHeaderBytes + entry.command.length;
}

export function packBytes(entries: readonly Pick<Entry, 'command'>[]): number {
  let bytes = packHeaderBytes;
  for (const entry of entries) bytes += entryHeaderBytes + entry.command.length;
  return bytes;
}

/** Writes {@link packBytes} bytes at `offset`; returns where they end. */
export function encodePackInto(target: Uint8Array, offset: number, entries: readonly Entry[]): number {
  const view = new DataView(target.buffer, target.byteOffset + offset);
  const headersEnd = packHeaderBytes + entries.length * entryHeaderBytes;
  view.setUint32(4, formatVersion, true);
  view.setUint32(8, entries.length, true);
  let at = packHeaderBytes;
  let end = offset + headersEnd;
  for (const entry of entries) {
    const { index, term, origin, sequence, command } = entry;
    view.setUint32(at, index, true);
    view.setUint32(at + 4, index / high, true);
    view.setUint32(at + 8, term, true);
    view.setUint32(at + 12, term / high, true);
    view.setUint32(at + 16, origin, true);
    view.setUint32(at + 20, origin / high, true);
    view.setUint32(at + 24, sequence, true);
    view.setUint32(at + 28, sequence / high, true);
    view.setUint32(at + 32, command.length, true);
    view.setUint32(at + 36, entry.checksum ?? entryChecksum(entry), true);
    view.setUint32(at + 40, kindCodes[entry.kind], true);
    at += entryHeaderBytes;
    target.set(command, end);
    end += command.length;
  }
  view.setUint32(0, crc32(target.subarray(offset + 4, offset + headersEnd)), true);
  return end;
}

/** The pack has an ArrayBuffer of its own, so that it can be transferred to another thread. */
export function encodePack(entries: readonly Entry[]): Buffer<ArrayBuffer> {
  const target = Buffer.from(new ArrayBuffer(packBytes(entries)));
  encodePackInto(target, 0, entries);
  return target;
}

/** Proposals travel as entries that have no index and term yet. */
export function encodeProposals(proposals: readonly ProposedEntry[]): Buffer<ArrayBuffer> {
  return encodePack(proposals.map((proposal) => ({ ...proposal, index: 0, term: 0 })));
}

/** @throws EntryCorruptError naming which entry of the pack. */
export function decodePack(bytes: Uint8Array): Entry[] {
  if (bytes.length < packHeaderBytes) throw new EntryCorruptError('the pack is cut short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[4]!;
  if (version !== formatVersion)
    throw new EntryCorruptError(`the pack has format version ${version}, known is ${formatVersion}`);
  const count = view.getUint32(8, true);
  const headersEnd = packHeaderBytes + count * entryHeaderBytes;
  if (headersEnd > bytes.length) throw new EntryCorruptError('the headers of the pack are cut short');
  if (crc32(bytes.subarray(4, headersEnd)) !== view.getUint32(0, true))
    throw new EntryCorruptError('the headers of the pack fail their checksum');
  const entries = new Array<Entry>(count);
  let end = headersEnd;
  for (let position = 0; position < count; position++) {
    const at = packHeaderBytes + position * entryHeaderBytes;
    const start = end;
    end += view.getUint32(at + 32, true);
    if (end > bytes.length) throw new EntryCorruptError(`entry ${position} of the pack is cut short`);
    const entry: Entry = {
      index: view.getUint32(at, true) + view.getUint32(at + 4, true) * high,
      term: view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * high,
      kind: kindOf(bytes[at + 40]!),
      origin: view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * high,
      sequence: view.getUint32(at + 24, true) + view.getUint32(at + 28, true) * high,
      command: new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start),
      checksum: view.getUint32(at + 36, true),
    };
    if (entryChecksum(entry) !== entry.checksum)
      throw new EntryCorruptError(`entry ${position} of the pack (index ${entry.index}) fails its checksum`);
    entries[position] = entry;
  }
  if (end !== bytes.length) throw new EntryCorruptError(`${bytes.length - end} bytes stand behind the pack`);
  return entries;
}

function kindOf(code: number): EntryKind {
  const kind = kinds[code];
  if (kind === undefined) throw new EntryCorruptError(`unknown kind ${code}: written by a newer version?`);
  return kind;
}

const headerBytesV1 = 34;

/**
 * One entry of version 1:
 *
 * ```
 *  0  u32  CRC-32 of bytes 4 to the end
 *  4  u32  length of the command in bytes
 *  8  u48  index
 * 14  u48  term
 * 20  u48  origin
 * 26  u48  sequence
 * 32  u8   format version, 1
 * 33  u8   kind: 0 empty, 1 command
 * 34  ...  command
 * ```
 *
 * @throws EntryCorruptError
 */
export function decodeEntryV1(source: Buffer): Entry {
  if (source.length < headerBytesV1 || source.length !== headerBytesV1 + source.readUInt32LE(4))
    throw new EntryCorruptError('it is cut short');
  if (crc32(source.subarray(4)) !== source.readUInt32LE(0)) throw new EntryCorruptError('it fails its checksum');
  if (source[32] !== 1) throw new EntryCorruptError(`it has format version ${source[32]} in a log of version 1`);
  const entry = {
    index: source.readUIntLE(8, 6),
    term: source.readUIntLE(14, 6),
    kind: kindOf(source[33]!),
    origin: source.readUIntLE(20, 6),
    sequence: source.readUIntLE(26, 6),
    command: source.subarray(headerBytesV1),
  };
  return { ...entry, checksum: entryChecksum(entry) };
}
