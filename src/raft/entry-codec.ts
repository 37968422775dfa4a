/**
 * One log entry as bytes: on disk, between masters and between the threads of one. Version 1, little-endian:
 *
 * ```
 *  0  u32  CRC-32 of bytes 4 to the end
 *  4  u32  length of the command in bytes
 *  8  u48  index
 * 14  u48  term
 * 20  u48  origin    the process life that proposed it, 0 = Raft itself
 * 26  u48  sequence  its running number within the origin
 * 32  u8   format version, 1
 * 33  u8   kind: 0 empty, 1 command
 * 34  ...  command
 * ```
 *
 * A pack is entries one after the other. Decoded commands are views into the given bytes, not copies.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../lib/assert.ts';
import type { Entry, ProposedEntry } from './core/types.ts';

const headerBytes = 34;
const formatVersion = 1;

export class EntryCorruptError extends Error {
  override readonly name = 'EntryCorruptError';
}

export function encodedBytes(entry: Pick<Entry, 'command'>): number {
  return headerBytes + entry.command.length;
}

function encodeInto(target: Buffer, offset: number, entry: Entry): number {
  const end = offset + headerBytes + entry.command.length;
  target.writeUInt32LE(entry.command.length, offset + 4);
  target.writeUIntLE(entry.index, offset + 8, 6);
  target.writeUIntLE(entry.term, offset + 14, 6);
  target.writeUIntLE(entry.origin, offset + 20, 6);
  target.writeUIntLE(entry.sequence, offset + 26, 6);
  target[offset + 32] = formatVersion;
  target[offset + 33] = entry.kind === 'empty' ? 0 : 1;
  target.set(entry.command, offset + headerBytes);
  target.writeUInt32LE(crc32(target.subarray(offset + 4, end)), offset);
  return end;
}

export function encodeEntry(entry: Entry): Buffer {
  const target = Buffer.allocUnsafe(encodedBytes(entry));
  encodeInto(target, 0, entry);
  return target;
}

/** The pack has an ArrayBuffer of its own, so that it can be transferred to another thread. */
export function encodePack(entries: readonly Entry[]): Buffer<ArrayBuffer> {
  const target = Buffer.from(new ArrayBuffer(entries.reduce((sum, entry) => sum + encodedBytes(entry), 0)));
  let offset = 0;
  for (const entry of entries) offset = encodeInto(target, offset, entry);
  return target;
}

/** Proposals travel as entries that have no index and term yet. */
export function encodeProposals(proposals: readonly ProposedEntry[]): Buffer<ArrayBuffer> {
  return encodePack(proposals.map((proposal) => ({ ...proposal, index: 0, term: 0 })));
}

/** @throws EntryCorruptError naming where in the pack. */
export function decodePack(bytes: Uint8Array): Entry[] {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  let offset = 0;
  while (offset < source.length) {
    const end =
      offset + headerBytes <= source.length ? offset + headerBytes + source.readUInt32LE(offset + 4) : Infinity;
    if (end > source.length) throw new EntryCorruptError(`entry at byte ${offset} is cut short`);
    if (crc32(source.subarray(offset + 4, end)) !== source.readUInt32LE(offset))
      throw new EntryCorruptError(`entry at byte ${offset} fails its checksum`);
    if (source[offset + 32] !== formatVersion)
      throw new EntryCorruptError(`entry at byte ${offset} has format version ${source[offset + 32]}, known is 1`);
    entries.push({
      index: source.readUIntLE(offset + 8, 6),
      term: source.readUIntLE(offset + 14, 6),
      kind: source[offset + 33] === 0 ? 'empty' : 'command',
      origin: source.readUIntLE(offset + 20, 6),
      sequence: source.readUIntLE(offset + 26, 6),
      command: source.subarray(offset + headerBytes, end),
    });
    offset = end;
  }
  return entries;
}

/** @throws EntryCorruptError */
export function decodeEntry(bytes: Uint8Array): Entry {
  const entries = decodePack(bytes);
  assert(entries.length === 1, 'not exactly one entry', { count: entries.length });
  return entries[0]!;
}
