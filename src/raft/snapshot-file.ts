/**
 * Snapshots as files: `snapshot-<index>-<term>` in the member's folder. Version 1, little-endian:
 *
 * ```
 *  0  8 bytes  "TRISNAP1"
 *  8  u48      index
 * 14  u48      term
 * 20  u32      CRC-32 of bytes 0 to 19
 * then chunks: u32 length (> 0), u32 CRC-32 of the chunk, the chunk
 * then the end: u32 0, u32 number of chunks
 * ```
 *
 * A file gets its name only when it is complete and synced: written as `*.tmp`, fsync, rename, fsync of the folder.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SnapshotMeta } from './core/types.ts';
import { GradualSync } from './gradual-sync.ts';
import { reasonOf, remedies, StorageError } from './log-storage.ts';

const magic = Buffer.from('TRISNAP1');
const headerBytes = 24;
/** No chunk of ours is larger than 1 MiB; more is damage. */
const maxChunkBytes = 16 << 20;

export function snapshotPath(dir: string, { index, term }: SnapshotMeta): string {
  return join(dir, `snapshot-${index}-${term}`);
}

function encodeHeader({ index, term }: SnapshotMeta): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeUIntLE(index, 8, 6);
  header.writeUIntLE(term, 14, 6);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return header;
}

function pair(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(first, 0);
  bytes.writeUInt32LE(second, 4);
  return bytes;
}

/** Makes new names in a folder last. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  await folder.sync();
  await folder.close();
}

export class SnapshotWriter {
  readonly #dir: string;
  readonly #meta: SnapshotMeta;
  readonly #file: FileHandle;
  readonly #tmpPath: string;
  readonly #sync: GradualSync;
  #chunks = 0;

  private constructor(dir: string, meta: SnapshotMeta, file: FileHandle, tmpPath: string) {
    this.#dir = dir;
    this.#meta = meta;
    this.#file = file;
    this.#tmpPath = tmpPath;
    this.#sync = new GradualSync(file);
  }

  /** `tag` tells concurrent writers of the same snapshot apart. */
  static async create(dir: string, meta: SnapshotMeta, tag: string): Promise<SnapshotWriter> {
    await mkdir(dir, { recursive: true });
    const tmpPath = `${snapshotPath(dir, meta)}.${tag}.tmp`;
    const file = await open(tmpPath, 'w');
    const writer = new SnapshotWriter(dir, meta, file, tmpPath);
    await file.writev([encodeHeader(meta)]);
    return writer;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    this.#chunks++;
    await this.#attempt(() => this.#file.writev([pair(chunk.length, crc32(chunk)), chunk]));
    await this.#attempt(() => this.#sync.wrote(chunk.length));
  }

  /** Returns the path of the finished file. */
  async finish(): Promise<string> {
    await this.#attempt(() => this.#file.writev([pair(0, this.#chunks)]));
    await this.#attempt(() => this.#file.sync());
    await this.#file.close();
    const path = snapshotPath(this.#dir, this.#meta);
    await rename(this.#tmpPath, path);
    await syncFolder(this.#dir);
    return path;
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(this.#tmpPath, { force: true });
  }

  async #attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const reason = reasonOf(error);
      const { message } = error as Error;
      throw new StorageError(reason, `writing "${this.#tmpPath}" failed: ${message}. ${remedies[reason]}`, {
        cause: error,
      });
    }
  }
}

function damaged(what: string): StorageError {
  return new StorageError('corrupt', `${what}. ${remedies.corrupt}`);
}

/** A snapshot that the log names and that is not there is damage, too. */
function unreadable(path: string, cause: Error): StorageError {
  const reason = (cause as { code?: string }).code === 'ENOENT' ? 'corrupt' : reasonOf(cause);
  return new StorageError(reason, `snapshot "${path}" cannot be read: ${cause.message}. ${remedies[reason]}`, {
    cause,
  });
}

async function readExactly(file: FileHandle, length: number, path: string): Promise<Buffer> {
  const target = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(target, filled, length - filled, null).catch((cause: Error) => {
      throw unreadable(path, cause);
    });
    if (bytesRead === 0) throw damaged(`snapshot "${path}" is cut short`);
    filled += bytesRead;
  }
  return target;
}

/** The chunks in order, each verified before it is given. @throws StorageError when the file is damaged. */
export async function* readSnapshot(path: string, meta: SnapshotMeta): AsyncGenerator<Buffer> {
  const file = await open(path, 'r').catch((cause: Error) => {
    throw unreadable(path, cause);
  });
  try {
    const header = await readExactly(file, headerBytes, path);
    if (!header.equals(encodeHeader(meta))) throw damaged(`snapshot "${path}" has a damaged header`);
    for (let chunks = 0; ; chunks++) {
      const head = await readExactly(file, 8, path);
      const [length, check] = [head.readUInt32LE(0), head.readUInt32LE(4)];
      if (length === 0) {
        if (check !== chunks) throw damaged(`snapshot "${path}" has ${chunks} chunks of ${check}`);
        return;
      }
      if (length > maxChunkBytes) throw damaged(`snapshot "${path}": chunk ${chunks} has ${length} bytes`);
      const chunk = await readExactly(file, length, path);
      if (crc32(chunk) !== check) throw damaged(`snapshot "${path}": chunk ${chunks} fails its checksum`);
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/**
 * Reads a whole snapshot for its checksums; `pace` is called after each chunk and may hold it up.
 * @throws StorageError
 */
export async function verifySnapshot(
  path: string,
  meta: SnapshotMeta,
  pace: (bytes: number) => Promise<void> = async () => undefined,
): Promise<void> {
  for await (const chunk of readSnapshot(path, meta)) await pace(chunk.length);
}

/** Snapshots, and parts of such, that are older than `keep`. */
export async function removeOtherSnapshots(dir: string, keep: SnapshotMeta): Promise<void> {
  const kept = snapshotPath('', keep);
  for (const name of await readdir(dir)) {
    const found = /^snapshot-(\d+)-\d+(\.part)?$/.exec(name);
    if (name !== kept && found && Number(found[1]) < keep.index) await rm(join(dir, name), { force: true });
  }
}

/** At start, before anything is written: unfinished files, and snapshots that the log does not know. Parts of newer ones may go on. */
export async function removeUnknownSnapshots(dir: string, known: SnapshotMeta): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(dir)) {
    const part = /^snapshot-(\d+)-\d+\.part$/.exec(name);
    const mayGoOn = part !== null && Number(part[1]) > known.index;
    if (name.startsWith('snapshot-') && name !== snapshotPath('', known) && !mayGoOn)
      await rm(join(dir, name), { force: true });
  }
}
