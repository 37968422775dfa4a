/**
 * A second, independent note of how far the log was synced. RocksDB's recovery ends at the first damaged record of its write-ahead
 * log, which is right for a write that power loss tore (nobody was promised anything), and wrong for rot in the middle of what was
 * acknowledged: that would be cut off without a word. The log must reach the mark; one that does not has lost what it had promised.
 *
 * Format: the file TAIL beside the log's, little-endian:
 *
 * ```
 *  0  8 bytes  "TRITAIL1"
 *  8  u48      last index that was synced
 * 14  u48      its term
 * 20  u48      term of the hard state
 * 26  u48      vote
 * 32  u48      index of the recorded snapshot
 * 38  u32      CRC-32 of bytes 0 to 37
 * ```
 *
 * Invariant: what the mark says was synced before the mark was written. It is written after each sync, without a sync of its own: after
 * a loss of power it may be old, never too new. Before a write that shortens the log it is lowered, and that is synced.
 * A mark that cannot be read says nothing.
 */
import { crc32 } from 'node:zlib';

export interface TailMark {
  readonly index: number;
  readonly indexTerm: number;
  readonly term: number;
  readonly vote: number;
  readonly snapshotIndex: number;
}

export const tailMarkBytes = 42;
const magic = Buffer.from('TRITAIL1');

export function encodeTailMark({ index, indexTerm, term, vote, snapshotIndex }: TailMark): Buffer {
  const bytes = Buffer.alloc(tailMarkBytes);
  magic.copy(bytes);
  for (const [position, value] of [index, indexTerm, term, vote, snapshotIndex].entries())
    bytes.writeUIntLE(value, 8 + position * 6, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 38)), 38);
  return bytes;
}

export function decodeTailMark(bytes: Buffer): TailMark | undefined {
  if (bytes.length !== tailMarkBytes || !bytes.subarray(0, 8).equals(magic)) return undefined;
  if (crc32(bytes.subarray(0, 38)) !== bytes.readUInt32LE(38)) return undefined;
  const number = (position: number) => bytes.readUIntLE(8 + position * 6, 6);
  return { index: number(0), indexTerm: number(1), term: number(2), vote: number(3), snapshotIndex: number(4) };
}
