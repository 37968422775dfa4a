/**
 * Lists the regular files of a tar archive by position, so that large blobs are read in place and never held in memory.
 * Reads ustar with GNU long names (type L) and pax paths (type x); sparse files are not supported.
 */
import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 512;
/** Longest name or pax header that we believe. */
const MAX_HEADER_DATA_BYTES = 1024 * 1024;
const MAX_ENTRIES = 100_000;

export interface TarFile {
  /** Path without a leading `./` or `/`. */
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** For a hard or symbolic link: its target; then there are no bytes. */
  readonly linkTarget?: string;
}

/** All files and links of an archive by name. @throws Error when it is not a tar archive or is cut off. */
export async function listTar(file: FileHandle): Promise<Map<string, TarFile>> {
  const files = new Map<string, TarFile>();
  const { size: archiveBytes } = await file.stat();
  let offset = 0;
  let nextName: string | undefined;
  const header = Buffer.alloc(BLOCK_BYTES);
  for (;;) {
    if (offset + BLOCK_BYTES > archiveBytes) break;
    await file.read(header, 0, BLOCK_BYTES, offset);
    offset += BLOCK_BYTES;
    if (header.every((byte) => byte === 0)) break;
    checkSum(header, offset - BLOCK_BYTES);
    const sizeBytes = parseNumber(header.subarray(124, 136));
    const type = String.fromCharCode(header[156] ?? 0);
    const dataEnd = offset + sizeBytes;
    if (dataEnd > archiveBytes)
      throw new Error(`tar archive is cut off: an entry ends at byte ${dataEnd} of ${archiveBytes}`);
    if (type === 'L' || type === 'x') {
      if (sizeBytes > MAX_HEADER_DATA_BYTES)
        throw new Error(`tar archive: header data of ${sizeBytes} bytes is too long`);
      const data = Buffer.alloc(sizeBytes);
      await file.read(data, 0, sizeBytes, offset);
      nextName = type === 'L' ? text(data) : (paxPath(data) ?? nextName);
    } else {
      const name = clean(nextName ?? ustarName(header));
      nextName = undefined;
      if (type === '0' || type === '\0') files.set(name, { name, offset, sizeBytes });
      if (type === '1' || type === '2') {
        files.set(name, { name, offset, sizeBytes: 0, linkTarget: text(header.subarray(157, 257)) });
      }
      if (files.size > MAX_ENTRIES) throw new Error(`tar archive has more than ${MAX_ENTRIES} entries`);
    }
    offset = offset + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function clean(name: string): string {
  return name.replace(/^(\.?\/)+/, '');
}

function ustarName(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Octal, or base 256 when the first bit is set. */
function parseNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) === 0) {
    const value = text(field).trim();
    return value === '' ? 0 : Number.parseInt(value, 8);
  }
  let value = 0;
  for (const byte of field.subarray(field.length - 7)) value = value * 256 + byte;
  return value;
}

function checkSum(header: Buffer, offset: number): void {
  const expected = parseNumber(header.subarray(148, 156));
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (i < 148 || i >= 156) sum += header[i]!;
  if (sum !== expected) throw new Error(`not a tar archive: bad header checksum at byte ${offset}`);
}

/** Records are `LENGTH KEY=VALUE\n`. */
function paxPath(data: Buffer): string | undefined {
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0) return undefined;
    const record = data.toString('utf8', space + 1, at + length - 1);
    if (record.startsWith('path=')) return record.slice(5);
    at += length;
  }
  return undefined;
}
